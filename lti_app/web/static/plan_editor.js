// The thematic plan's table: rows added, removed and moved in place, totals at once, the draft saved by itself.
// The form works without this; here its buttons are caught before they are sent.

const language = document.documentElement.lang;
const numbers = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });
const SAVE_AFTER = 2_000; // once typing stops
const RETRY_AFTER = 20_000;
const KEEPALIVE_MOST = 60_000; // bytes: browsers refuse requests that outlive their page from 64 KiB on

const form = document.querySelector("form[data-draft]");
const body = form.querySelector("[data-rows]");
const blank = form.querySelector("[data-blank]");
const totals = form.querySelector("[data-totals]");
const byForm = form.querySelector("[data-by-form]");
const status = form.querySelector("[data-status]");
let stopped = "held" in form.dataset; // what is shown replaces the saved text only once a person presses the button
let changed = "unsaved" in form.dataset; // not yet saved: asked about when the page is left
let typed = false; // since the last attempt to save
let saving = null; // the request under way
let leaving = false; // by the form's own buttons
let timer = null;

const rows = () => [...body.querySelectorAll("[data-row]")];
const hours = (field) => Number(field.value.trim().replace(",", ".")) || 0;
const filled = (text, values) => Object.entries(values).reduce((all, [name, value]) => all.replaceAll(`{${name}}`, value), text);

function announce(text) {
  document.getElementById("announcements").textContent = text;
}

/** Say what the topics make, by form and by mode. */
function count() {
  const sums = new Map();
  let total = 0;
  for (const row of rows()) {
    const value = hours(row.querySelector("[data-hours]"));
    total += value;
    for (const list of row.querySelectorAll("[data-form], [data-mode]")) {
      const name = list.selectedOptions[0].textContent;
      sums.set(name, (sums.get(name) ?? 0) + value);
    }
  }
  const whole = hours(form.querySelector("[data-total-hours]"));
  const left = Math.round((whole - total) * 100) / 100;
  const words = left === 0 ? totals.dataset.enough : left > 0 ? totals.dataset.lack : totals.dataset.excess;
  const said = filled(words, { total: numbers.format(total), hours: numbers.format(whole), left: numbers.format(Math.abs(left)) });
  if (totals.textContent !== said) totals.textContent = said;
  byForm.textContent = [...sums].filter(([, sum]) => sum).map(([name, sum]) => `${name}: ${numbers.format(sum)}`).join(" · ");
}

/** Number the rows anew, on the page and for those who listen. */
function number() {
  rows().forEach((row, index) => {
    row.querySelector("[data-number]").textContent = index + 1;
    for (const name of ["up", "down", "remove"]) {
      row.querySelector(`button[data-${name}]`).setAttribute("aria-label", form.dataset[name].replace("{number}", index + 1));
    }
    row.querySelector("[data-handle]").hidden = false;
  });
  count();
}

function touched() {
  changed = typed = true;
  later(SAVE_AFTER);
}

function later(delay) {
  clearTimeout(timer);
  if (!stopped) timer = setTimeout(save, delay);
}

function moved(row, focus) {
  number();
  touched();
  focus?.focus();
  const all = rows();
  announce(filled(form.dataset.moved, { place: all.indexOf(row) + 1, all: all.length }));
}

function add() {
  const key = `n${Date.now()}${body.children.length}`;
  body.insertAdjacentHTML("beforeend", blank.innerHTML.replaceAll("_NEW", `_${key}`).replaceAll('"NEW"', `"${key}"`));
  number();
  touched();
  body.lastElementChild.querySelector("input.form-control").focus();
}

form.addEventListener("click", (event) => {
  const button = event.target.closest("button[name=step]");
  if (!button) return;
  const row = button.closest("[data-row]");
  if (button.hasAttribute("data-add")) {
    event.preventDefault();
    add();
  } else if (row && button.hasAttribute("data-up")) {
    event.preventDefault();
    if (row.previousElementSibling) row.previousElementSibling.before(row);
    moved(row, button);
  } else if (row && button.hasAttribute("data-down")) {
    event.preventDefault();
    if (row.nextElementSibling) row.nextElementSibling.after(row);
    moved(row, button);
  } else if (row && button.hasAttribute("data-remove")) {
    event.preventDefault();
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    number();
    touched();
    (next?.querySelector("input.form-control") ?? form.querySelector("[data-add]")).focus();
  }
});

let dragged = null;
body.addEventListener("dragstart", (event) => {
  dragged = event.target.closest?.("[data-handle]")?.closest("[data-row]") ?? null;
  if (!dragged) return;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", "");
});
body.addEventListener("dragover", (event) => {
  const over = event.target.closest("[data-row]");
  if (!dragged || !over || over === dragged) return;
  event.preventDefault();
  const middle = over.getBoundingClientRect().top + over.offsetHeight / 2;
  if (event.clientY < middle) over.before(dragged);
  else over.after(dragged);
});
body.addEventListener("drop", (event) => dragged && event.preventDefault());
body.addEventListener("dragend", () => {
  if (dragged) moved(dragged);
  dragged = null;
});

/** Save in the background what was changed, one request at a time: each carries the revision that the last one gave. */
function save() {
  clearTimeout(timer);
  if (!typed || stopped || leaving || saving) return;
  typed = false;
  saving = send().finally(() => {
    saving = null;
    if (typed) later(SAVE_AFTER);
  });
}

/** Send the form; where that is refused, say so and leave it to the button. */
async function send() {
  const text = new URLSearchParams(new FormData(form));
  const filledRows = rows().filter((row) => [...row.querySelectorAll("input.form-control, textarea")].some((field) => field.value.trim()));
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      headers: { Accept: "application/json" },
      body: text,
      keepalive: text.toString().length < KEEPALIVE_MOST,
    });
    const said = await answer.json();
    if (answer.ok) return saved(said, filledRows);
    stopped = answer.status === 409; // somebody else changed it: both texts are shown once the button is pressed
    status.textContent = form.dataset.refused.replace("{reason}", said.title);
  } catch {
    typed = true;
    later(RETRY_AFTER); // the network was away for a moment
  }
}

function saved({ revision, topics }, filledRows) {
  form.elements.revision.value = revision;
  topics.forEach((id, index) => {
    filledRows[index].querySelector("input[name^=topic_id_]").value = id;
  });
  const time = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" }).format(new Date());
  status.textContent = form.dataset.saved.replace("{time}", time);
  if (typed) return;
  changed = false;
  document.getElementById("refusal")?.remove(); // what it said of the last attempt holds no more
  form.querySelectorAll(".invalid-feedback").forEach((words) => words.remove());
  for (const field of form.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
  }
}

// Enter goes on to the next field of the plan: nobody means to send a programme by a topic's title.
body.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing || event.target.tagName !== "INPUT") return;
  event.preventDefault();
  const fields = [...body.querySelectorAll("input.form-control, select, textarea")].filter((field) => field.checkVisibility());
  (fields[fields.indexOf(event.target) + 1] ?? form.querySelector("[data-add]")).focus();
});

// The hours that credit needs follow the programme's hours where they were the same before somebody began to change these.
const whole = form.querySelector("[data-total-hours]");
const needed = form.elements.hours_needed;
let follows = false;
whole.addEventListener("focus", () => (follows = !needed.value.trim() || hours(needed) === hours(whole)));
whole.addEventListener("input", () => {
  if (follows) needed.value = whole.value;
});
whole.addEventListener("change", () => follows && announce(`${needed.labels[0].textContent}: ${needed.value}`));

form.addEventListener("input", () => {
  count();
  touched();
});
form.addEventListener("submit", (event) => {
  clearTimeout(timer);
  if (saving) {
    // The form has to carry the revision that this request brings, lest a person be refused for their own change.
    event.preventDefault();
    leaving = true;
    saving.then(() => form.requestSubmit(event.submitter));
    return;
  }
  leaving = true;
});
document.addEventListener("visibilitychange", () => document.hidden && save());
addEventListener("pagehide", save);
addEventListener("pageshow", () => (leaving = false));
addEventListener("beforeunload", (event) => {
  if (!changed || leaving) return;
  event.preventDefault();
  save();
});
number();
