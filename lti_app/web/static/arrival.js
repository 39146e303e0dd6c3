// The host's screen can fill the whole screen where the browser and the frame allow it. Without this it stays as it is.
const screen = document.querySelector("[data-whole-screen]");
const button = document.querySelector("[data-whole-screen-button]");

if (screen && button && document.fullscreenEnabled) {
  button.hidden = false;
  button.addEventListener("click", () => (document.fullscreenElement ? document.exitFullscreen() : screen.requestFullscreen()));
}
