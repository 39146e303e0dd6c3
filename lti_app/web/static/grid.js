// The leader's grid by keyboard, mouse or finger: one mark, one small request. Without this script the page still shows
// everything, and meetings are opened by the dates at the head of their columns.

const table = document.getElementById("journal");
const bar = document.getElementById("grid-bar");
const where = document.getElementById("grid-where");
const trouble = document.getElementById("grid-trouble");
const dialog = document.getElementById("reason-dialog");
const said = document.getElementById("grid-texts")?.dataset;
const announcements = document.getElementById("announcements");

const SIGNS = { present: "p", absent: "a" };
const PRESENCES = { p: "present", a: "absent" };
// What a key says: letters of both languages, and those that stand on the same keys where the layout wasn't changed.
const KEYS = {
  present: ["б", "p", "b", ",", "<", "+"],
  absent: ["н", "a", "n", "y", "-"],
};
const PAGE = 10;

function start() {
  const words = JSON.parse(table.dataset.words);
  const texts = JSON.parse(table.dataset.texts);
  const rows = [...table.rows].map((row) => [...row.cells]);
  const heads = rows[0];
  const first = 2; // after name and hours
  const last = heads.findLastIndex((head) => head.dataset.meeting);
  const stands = new Map(); // what the server said of a cell: its sign
  const wanted = new Map(); // marks under way or failed: presence and reason
  const failed = new Set();
  let current = null;
  let sending = Promise.resolve();

  const place = (cell) => [cell.parentElement.rowIndex, cell.cellIndex];
  const head = (cell) => heads[cell.cellIndex];
  const isMark = (cell) => cell.tagName === "TD" && cell.cellIndex >= first && cell.cellIndex <= last;
  const focusable = (cell) => cell.querySelector("input:not([hidden]), a") ?? cell;
  const isShown = (cell) => cell.getClientRects().length > 0;
  const name = (cell) => cell.parentElement.cells[0].querySelector("label")?.textContent.trim() ?? "";
  const day = (cell) => head(cell).querySelector("a").textContent.trim();
  const topic = (cell) => head(cell).querySelector("a").title;

  function show(cell, sign, credited) {
    const kept = ["one", "saving", "failed"].filter((one) => cell.classList.contains(one));
    cell.className = [sign, credited ? "c" : "", ...kept].filter(Boolean).join(" ");
    cell.textContent = texts[sign];
    label(cell, sign, credited);
  }

  function label(cell, sign, credited) {
    cell.setAttribute("aria-label", credited ? `${words[sign]}, ${table.dataset.credited}` : words[sign]);
  }

  function describe(note = "") {
    const marks = isMark(current);
    const sign = SIGNS[wanted.get(current)?.presence] ?? stands.get(current);
    where.textContent = marks ? [name(current), note || words[sign], topic(current)].join(" · ") : said.choose;
    for (const button of bar.querySelectorAll("[data-mark]")) {
      button.disabled = !marks || head(current).dataset.open === undefined;
    }
  }

  function choose(cell) {
    if (cell === current) return;
    if (current) focusable(current).tabIndex = -1;
    current = cell;
    focusable(cell).tabIndex = 0;
    describe();
  }

  function go(row, column) {
    const cell = rows[row]?.[column];
    if (!cell) return;
    const target = focusable(cell);
    target.focus();
    target.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  function shownFrom(row, column, step) {
    while (rows[row]?.[column] && !isShown(rows[row][column])) column += step;
    return column;
  }

  function move(event) {
    const [row, column] = place(current);
    const end = rows.length - 1;
    const wide = rows[row].length - 1;
    const ways = {
      ArrowUp: [row - 1, column],
      ArrowDown: [row + 1, column],
      ArrowLeft: [row, shownFrom(row, column - 1, -1)],
      ArrowRight: [row, shownFrom(row, column + 1, 1)],
      Home: [event.ctrlKey ? 0 : row, 0],
      End: [event.ctrlKey ? end : row, shownFrom(row, wide, -1)],
      PageUp: [Math.max(Math.min(1, row), row - PAGE), column],
      PageDown: [Math.min(end, row + PAGE), column],
    };
    const to = ways[event.key];
    if (!to) return false;
    go(...to);
    return true;
  }

  function other(cell) {
    const sign = SIGNS[wanted.get(cell)?.presence] ?? stands.get(cell);
    return sign === "p" || sign === "sa" ? "absent" : "present";
  }

  function mark(cell, presence) {
    if (head(cell).dataset.open === undefined) return complain(said.closed);
    const before = wanted.get(cell);
    if (before ? before.presence === presence && !failed.has(cell) : PRESENCES[stands.get(cell)] === presence) return;
    complain("");
    put(cell, { presence });
  }

  function put(cell, mark) {
    failed.delete(cell);
    wanted.set(cell, mark);
    cell.classList.remove("failed");
    cell.classList.add("saving");
    show(cell, SIGNS[mark.presence], false);
    sending = sending.then(() => send(cell)).then(summarise);
  }

  async function send(cell) {
    const mark = wanted.get(cell);
    if (!mark || failed.has(cell)) return;
    const body = new URLSearchParams({
      csrf_token: document.querySelector("#grid-texts [name=csrf_token]").value,
      presence: mark.presence,
      seen: PRESENCES[stands.get(cell)] ?? "",
      reason: mark.reason ?? "",
    });
    let answer, told;
    try {
      answer = await fetch(address(cell), { method: "POST", body, headers: { Accept: "application/json" } });
      told = await answer.json();
    } catch {
      return fail(cell, said.failed);
    }
    if (answer.ok) return settle(cell, mark, told, said.saved.replace("{word}", words[told.sign]));
    if (told.code === "reason_needed") return reasoned(cell, mark);
    if (answer.status === 401) return fail(cell, said.ended);
    if (answer.status >= 500) return fail(cell, said.failed);
    await giveBack(cell);
    complain([told.title, told.detail].filter(Boolean).join(" "));
  }

  function address(cell) {
    const numbers = [head(cell).dataset.meeting, cell.parentElement.dataset.trainee];
    return table.dataset.url.replace(/\/0\b/g, () => `/${numbers.shift()}`);
  }

  function settle(cell, mark, told, words) {
    if (wanted.get(cell) === mark) wanted.delete(cell);
    stands.set(cell, told.sign);
    if (!wanted.has(cell)) {
      cell.classList.remove("saving", "failed");
      show(cell, told.sign, told.credited);
    }
    cell.parentElement.cells[1].innerHTML = told.standing;
    head(cell).querySelector(".count").textContent = told.confirmed ? `${told.present}/${told.confirmed}` : "";
    if (!words) return;
    announcements.textContent = `${name(cell)}, ${day(cell)}: ${words}`;
    if (cell === current) describe(words);
  }

  /** Show a cell as it stands on the server: somebody else may have changed it, or it may not be changed. */
  async function giveBack(cell) {
    wanted.delete(cell);
    cell.classList.remove("saving", "failed");
    show(cell, stands.get(cell), cell.dataset.credited !== undefined);
    try {
      const answer = await fetch(address(cell), { headers: { Accept: "application/json" } });
      if (answer.ok) settle(cell, null, await answer.json(), "");
    } catch {
      // It is shown as it stood before; the next mark tells.
    }
    if (cell === current) describe();
  }

  function reasoned(cell, mark) {
    return new Promise((resolve) => {
      document.getElementById("reason-of").textContent = `${name(cell)}, ${topic(cell)}: ${words[SIGNS[mark.presence]]}`;
      const text = document.getElementById("reason");
      text.value = "";
      dialog.returnValue = "";
      dialog.addEventListener(
        "close",
        async () => {
          focusable(cell).focus();
          if (dialog.returnValue === "save" && text.value.trim()) {
            wanted.set(cell, { ...mark, reason: text.value.trim() });
            await send(cell);
          } else {
            await giveBack(cell);
          }
          resolve();
        },
        { once: true },
      );
      dialog.showModal();
    });
  }

  function fail(cell, text) {
    failed.add(cell);
    cell.classList.remove("saving");
    cell.classList.add("failed");
    complain(text);
  }

  function complain(text) {
    trouble.hidden = !text && !failed.size;
    if (text || !failed.size) trouble.querySelector("span").textContent = text;
    trouble.querySelector("[data-retry]").hidden = !failed.size;
  }

  function summarise() {
    table.toggleAttribute("aria-busy", false);
    if (!failed.size && !trouble.querySelector("[data-retry]").hidden) complain("");
  }

  for (const row of rows) {
    for (const cell of row) {
      focusable(cell).tabIndex = -1;
      if (row === heads || !isMark(cell)) continue;
      const sign = cell.classList[0];
      stands.set(cell, sign);
      if (cell.classList.contains("c")) cell.dataset.credited = "";
      label(cell, sign, cell.classList.contains("c"));
    }
  }
  const atFirst = rows[1].find((cell) => cell.classList.contains("one")) ?? rows[1][0];
  choose(atFirst);
  // A window that becomes narrow leaves one meeting: the grid must still be reached by Tab.
  addEventListener("resize", () => isShown(current) || choose(atFirst));

  table.addEventListener("focusin", (event) => choose(event.target.closest("td, th")));
  table.addEventListener("keydown", (event) => {
    if (event.altKey || event.metaKey || (event.ctrlKey && !["Home", "End"].includes(event.key))) return;
    if (move(event)) return event.preventDefault();
    if (!isMark(current)) return;
    if (event.key === "Enter") {
      event.preventDefault();
      return location.assign(head(current).querySelector("a").href);
    }
    const key = event.key.toLowerCase();
    const presence = key === " " ? other(current) : Object.keys(KEYS).find((one) => KEYS[one].includes(key));
    if (!presence) return;
    event.preventDefault();
    if (!event.repeat) mark(current, presence);
  });

  let before = null; // where the focus was when a cell was pressed: a second press marks
  table.addEventListener("pointerdown", () => (before = document.activeElement));
  table.addEventListener("click", (event) => {
    const cell = event.target.closest("td");
    if (cell && isMark(cell) && before === cell) mark(cell, other(cell));
  });
  bar.addEventListener("click", (event) => {
    const presence = event.target.closest("[data-mark]")?.dataset.mark;
    if (presence && current) mark(current, presence);
  });
  trouble.querySelector("[data-retry]").addEventListener("click", () => {
    for (const cell of [...failed]) put(cell, wanted.get(cell));
  });
  addEventListener("beforeunload", (event) => {
    if (wanted.size) event.preventDefault();
  });

  const all = table.querySelector("[data-all-rows]");
  const boxes = [...table.querySelectorAll("tbody input[type=checkbox]")];
  all.hidden = false;
  focusable(heads[0]).tabIndex = -1;
  all.addEventListener("change", () => boxes.forEach((box) => (box.checked = all.checked)));
  table.addEventListener("change", () => {
    const chosen = boxes.filter((box) => box.checked).length;
    all.checked = chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
  });
  bar.hidden = document.getElementById("grid-keys").hidden = false; // from now on nothing of it comes or goes
}

if (table) start();
