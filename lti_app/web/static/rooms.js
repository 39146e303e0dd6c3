// The page that waits for a room tries again by itself; without scripts it has a button.

const form = document.querySelector("form[data-try-again]");
if (form) setTimeout(() => form.requestSubmit(), Number(form.dataset.tryAgain) * 1000);
