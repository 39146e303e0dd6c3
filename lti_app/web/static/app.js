// Small improvements of pages that work without them. No libraries, no inline scripts (the content policy forbids those).

const language = document.documentElement.lang;
const plurals = new Intl.PluralRules(language);
const numbers = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });

function announce(text) {
  document.getElementById("announcements").textContent = text;
}

/** Open and close the door to a room at the right time, by the server's clock. */
function watchDoor(door) {
  const opens = Date.parse(door.dataset.opensAt);
  const closes = Date.parse(door.dataset.closesAt);
  const ahead = Date.parse(door.dataset.now) - Date.now();
  const form = door.querySelector("[data-door-open]");
  const closed = door.querySelector("[data-door-closed]");
  const over = door.querySelector("[data-door-over]");
  function look() {
    const now = Date.now() + ahead;
    const open = now >= opens && now < closes;
    if (open && form.hidden) announce(door.dataset.opened);
    form.hidden = !open;
    if (closed) closed.hidden = now >= opens;
    over.hidden = now < closes;
    // Timers of sleeping phones are late, those of more than 24 days overflow: look again at least every half minute.
    if (now < closes) setTimeout(look, Math.min(30_000, Math.max(250, (now < opens ? opens : closes) - now)));
  }
  look();
}

/** Count what is ticked, in the words of the button, and say what follows from it. */
function countTicks(form) {
  const boxes = [...form.querySelectorAll("fieldset input[type=checkbox]:not([id^=all-])")];
  const free = boxes.filter((box) => !box.disabled);
  const all = form.querySelector("[data-all] input");
  const label = form.querySelector("[data-count-label]");
  const consequence = form.querySelector("[data-consequence]");
  const labels = JSON.parse(form.dataset.labels);
  const consequences = form.dataset.consequences ? JSON.parse(form.dataset.consequences) : null;
  function count() {
    const ticked = boxes.filter((box) => box.checked);
    const kind = plurals.select(ticked.length);
    const filled = (text) => text.replaceAll("{n}", numbers.format(ticked.length));
    if (label) label.textContent = filled(labels[kind] ?? labels.other);
    if (consequence && consequences) {
      const sum = ticked.reduce((total, box) => total + Number(box.dataset.sum), 0);
      consequence.textContent = ticked.length
        ? filled(consequences[kind] ?? consequences.other).replaceAll("{sum}", numbers.format(sum))
        : "";
    }
    if (all) {
      const chosen = free.filter((box) => box.checked).length;
      all.checked = free.length > 0 && chosen === free.length;
      all.indeterminate = chosen > 0 && chosen < free.length;
    }
  }
  if (all && free.length > 1) {
    all.closest("[data-all]").hidden = false;
    all.addEventListener("change", () => {
      for (const box of free) box.checked = all.checked;
      count();
    });
  }
  form.addEventListener("change", count);
  count();
}

/**
 * Ask for this page once more and put its content in place of what is shown. What was typed stays, and so does the focus,
 * if they can.
 */
async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok) return location.reload(); // the visit has ended, or the page is gone: let the whole page say so
  const name = (element) => element.id || element.getAttribute("href") || element.form?.action;
  const main = document.getElementById("main");
  const focused = main.contains(document.activeElement) ? name(document.activeElement) : null;
  const typed = [...main.querySelectorAll("input[id], textarea[id]")].filter((field) => field.value !== field.defaultValue);
  main.innerHTML = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main").innerHTML;
  for (const { id, value } of typed) {
    const field = document.getElementById(id);
    if (!field) continue;
    field.value = value;
    field.closest("details")?.setAttribute("open", "");
  }
  const found = focused && [...main.querySelectorAll("a, button, input")].find((element) => name(element) === focused);
  if (focused) (found || main).focus();
  main.querySelectorAll("[data-poll]").forEach(poll);
}

/**
 * Ask for a part of the page again and again until it says that the work has ended; announce where its phase changes.
 * Then the rest of the page is shown as it is by now.
 */
function poll(place) {
  const said = () => place.querySelector("[data-announce]")?.dataset.announce;
  let announced = said();
  async function ask() {
    if (!place.isConnected) return; // the page was shown anew, with polls of its own
    if (!document.hidden) {
      try {
        const answer = await fetch(place.dataset.poll, { headers: { Accept: "text/html" } });
        if (answer.status >= 400 && answer.status < 500) return location.reload();
        if (answer.ok) {
          const text = await answer.text();
          if (text !== place.dataset.last) {
            place.innerHTML = text;
            place.dataset.last = text;
            if (said() && said() !== announced) announce((announced = said()));
          }
          if (place.querySelector("[data-finished]")) return await refresh();
        }
      } catch {
        // The network was away for a moment; the next question may get through.
      }
    }
    setTimeout(ask, 1000 * (place.dataset.every ?? 2));
  }
  setTimeout(ask, 1000);
}

/** After a room was opened in another tab, show on return what was noted. */
function watchReturn(form) {
  form.addEventListener("submit", () => {
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) location.reload();
    });
  });
}

/**
 * Let no form be sent twice by a double click; once the page is shown again (Back), it may be sent anew. Forms that ask
 * (GET) may repeat themselves: they change nothing, and some bring a file, after which the page stays. So does the page
 * after a form that opens another tab, which is let go once the second click of a double click is over.
 */
function watchSending() {
  const sent = new Set();
  const buttons = (form) => [...form.elements].filter((field) => field.type === "submit");
  function letGo(form) {
    sent.delete(form);
    for (const button of buttons(form)) button.removeAttribute("aria-disabled");
  }
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const method = event.submitter?.getAttribute("formmethod") ?? form.getAttribute("method");
    if (event.defaultPrevented || method?.toLowerCase() !== "post") return;
    if (sent.has(form)) return event.preventDefault();
    sent.add(form);
    for (const button of buttons(form)) button.setAttribute("aria-disabled", "true"); // disabled ones send no name
    if (form.target === "_blank") setTimeout(letGo, 1500, form);
  });
  addEventListener("pageshow", () => sent.forEach(letGo));
}

watchSending();
document.querySelectorAll("[data-door]").forEach(watchDoor);
document.querySelectorAll("form[data-count]").forEach(countTicks);
document.querySelectorAll("[data-poll]").forEach(poll);
document.querySelectorAll("form[data-returns]").forEach(watchReturn);
document.querySelector("[data-focus]")?.focus();
