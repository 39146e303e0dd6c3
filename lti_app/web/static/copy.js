// A button that copies a field; without scripts the field can be copied by hand.

/** Copy a field's text. In Moodle's frame browsers may forbid the clipboard: then it is copied as a selection. */
async function copy(field) {
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    field.focus();
    field.select();
    return document.execCommand("copy");
  }
}

for (const place of document.querySelectorAll("[data-copy]")) {
  const field = place.querySelector("input");
  const button = place.querySelector("button");
  button.hidden = false;
  field.addEventListener("focus", () => field.select());
  button.addEventListener("click", async () => {
    if (await copy(field)) document.getElementById("announcements").textContent = place.dataset.copied;
  });
}
