// Where one is (the address after #), what is asked of the server (or of the data inside a static file), and the keys.

import { h } from "./draw.js";
import { showList } from "./list.js";
import { drawTree, jumpTo, tellTree } from "./tree.js";

const inside = document.getElementById("data");
const data = inside ? JSON.parse(inside.textContent) : null;
let about = null;
let listed = { rows: [], total: 0, start: 0 };
let lastList = "#/";
let turn = 0;

async function ask(what, values = {}) {
  if (data) return fromData(what, values);
  const words = new URLSearchParams(Object.entries(values).filter(([, value]) => value !== "" && value !== undefined));
  const answer = await fetch(`api/${what}?${words}`);
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

function fromData(what, values) {
  if (what === "about") return data.about;
  const forest = data.forests[values.forest || 0];
  if (what === "trees") {
    const rows = forest.rows.filter((row) => keeps(row, forest.trees[row.id], values));
    const start = Number(values.start || 0);
    return { total: rows.length, start, rows: ordered(rows, values.order).slice(start) };
  }
  if (what === "tree") return forest.trees[values.id] || null;
  if (what === "pair") return forest.pairs[`${values.id}/${values.turn}/${values.pair}`] || null;
  return forest.rows.filter((row) => row.problem === values.id).map((row) => row.id);
}

function keeps(row, tree, wanted) {
  const words = (wanted.words || "").toLowerCase().split(/\s+/).filter(Boolean);
  const whole = words.length ? JSON.stringify(tree).toLowerCase() : "";
  return ["task", "dataset", "stage"].every((name) => !wanted[name] || row[name] === wanted[name])
    && (!wanted.depth || row.depth === Number(wanted.depth))
    && (!wanted.min_pairs || row.pairs >= Number(wanted.min_pairs)) && (!wanted.max_pairs || row.pairs <= Number(wanted.max_pairs))
    && (!wanted.min_usd || row.price_usd >= Number(wanted.min_usd))
    && (!wanted.flag || row.flags.includes(wanted.flag))
    && (!wanted.wrong || (tree.rewards[wanted.wrong] || {}).wrong > 0)
    && words.every((word) => whole.includes(word));
}

function ordered(rows, order) {
  const by = { pairs: "pairs", depth: "depth", cost: "price_usd", tokens: "tokens", samples: "samples" }[order];
  return by ? [...rows].sort((a, b) => b[by] - a[by]) : rows;
}

// ---------------------------------------------------------------- places

function place() {
  const [path, words] = location.hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").map(decodeURIComponent);
  const values = Object.fromEntries(new URLSearchParams(words || ""));
  if (parts[0] === "f" && parts[2] === "tree") return { kind: "tree", forest: Number(parts[1]), id: parts[3], values };
  if (parts[0] === "compare") return { kind: "compare", problem: parts[1], values };
  return { kind: "list", forest: parts[0] === "f" ? Number(parts[1]) : 0, values };
}

function go(forest, choices) {
  const kept = choices.clear ? {} : choices;
  const words = new URLSearchParams(Object.entries(kept).filter(([, value]) => value !== "" && value !== 0));
  location.hash = `#/f/${forest}${[...words].length ? `?${words}` : ""}`;
}

async function show() {
  turn += 1;
  const mine = turn;
  const at = place();
  const main = document.getElementById("main");
  const searching = document.activeElement?.id;
  const caret = document.activeElement?.selectionStart;
  try {
    about = about || await ask("about");
    if (!about) throw new Error("The address is not the one that the command printed.");
    if (at.kind !== "compare" && !about.forests[at.forest]) throw new Error("There is no such forest.");
    tabs(at);
    if (at.kind === "list") {
      lastList = location.hash || "#/";
      const found = await showList(ask, about, at.forest, at.values, go);
      if (mine === turn) listed = found;
    } else if (at.kind === "tree") {
      const tree = await ask("tree", { forest: at.forest, id: at.id });
      if (mine !== turn) return;
      if (!tree) throw new Error(`There is no tree ${at.id} here.`);
      main.replaceChildren(back(tree, at.forest), drawTree(tree, at.forest, { pair }));
      tellTree(tree);
      scrollTo(0, 0);
      open(at.values);
    } else {
      await compare(at.problem, mine);
    }
  } catch (fault) {
    main.replaceChildren(h("p", { class: "fault", role: "alert" }, fault.message), h("p", {}, h("a", { href: "#/" }, "To the list")));
  }
  if (searching && document.getElementById(searching)) {
    const field = document.getElementById(searching);
    field.focus();
    if (caret !== null && caret !== undefined && field.type === "search") field.setSelectionRange(caret, caret);
  }
}

function tabs(at) {
  const many = about.forests.length > 1;
  document.title = `${about.forests.map((forest) => forest.name).join(" and ")} · preftree view`;
  document.getElementById("where").textContent = many ? "two forests" : about.forests[0].name;
  document.getElementById("forests").replaceChildren(...(many ? about.forests.map((forest, i) =>
    h("a", { href: `#/f/${i}`, "aria-current": at.forest === i ? "page" : null }, `${forest.name} (${forest.trees})`)) : []));
}

function back(tree, forest) {
  const other = about.forests.length > 1 ? h("a", { href: `#/compare/${encodeURIComponent(tree.problem.id)}` }, "Side by side") : null;
  return h("p", { class: "back" }, h("a", { href: lastList }, "← List"), other);
}

function pair(forest, id, at, place_) {
  return ask("pair", { forest, id, turn: at, pair: place_ });
}

function open(values) {
  if (values.pairs !== undefined) {
    const found = document.querySelector(`[data-pairs="${CSS.escape(values.pairs)}"]`);
    if (found) { found.open = true; found.scrollIntoView({ block: "center" }); }
  }
  if (values.node) jumpTo(values.node, false);
}

async function compare(problem, mine) {
  const columns = await Promise.all(about.forests.map(async (forest, i) => {
    const ids = await ask("problem", { forest: i, id: problem }) || [];
    const trees = await Promise.all(ids.map((id) => ask("tree", { forest: i, id })));
    return h("section", { class: "column", "aria-label": forest.name }, h("h2", {}, forest.name),
      trees.length ? trees.map((tree) => drawTree(tree, i, { pair })) : h("p", { class: "note" }, "This problem has no tree here."));
  }));
  if (mine !== turn) return;
  document.getElementById("main").replaceChildren(h("p", { class: "back" }, h("a", { href: lastList }, "← List")), h("div", { class: "compare" }, columns));
}

// ---------------------------------------------------------------- keys

function step(by) {
  const at = place();
  const targets = [...document.querySelectorAll(at.kind === "list" ? ".row a" : "[data-place]")].filter((element) => element.offsetParent);
  if (!targets.length) return;
  const now = targets.findIndex((element) => element === document.activeElement || element.classList.contains("here"));
  const next = targets[Math.min(targets.length - 1, Math.max(0, now + by))];
  if (at.kind === "list") next.focus();
  else jumpTo(next.dataset.place);
}

async function neighbour(by) {
  const at = place();
  if (at.kind !== "tree") return;
  const values = Object.fromEntries(new URLSearchParams((lastList.split("?")[1]) || ""));
  if (!listed.rows.length) listed = { rows: (await ask("trees", { ...values, forest: at.forest, start: 0 })).rows };
  const now = listed.rows.findIndex((row) => row.id === at.id);
  const next = listed.rows[now + by];
  if (next) location.hash = `#/f/${at.forest}/tree/${encodeURIComponent(next.id)}`;
}

function fold() {
  const all = [...document.querySelectorAll("main details")];
  const opened = all.some((element) => element.open);
  all.forEach((element) => { element.open = !opened; });
}

async function sideBySide() {
  const at = place();
  if (at.kind !== "tree" || about.forests.length < 2) return;
  const tree = await ask("tree", { forest: at.forest, id: at.id });
  location.hash = `#/compare/${encodeURIComponent(tree.problem.id)}`;
}

const KEYS = {
  "/": () => { const field = document.getElementById("words"); if (field) field.focus(); else location.hash = lastList; },
  j: () => step(1), k: () => step(-1), n: () => neighbour(1), p: () => neighbour(-1), o: fold, c: sideBySide,
  "?": () => document.getElementById("help").showModal(),
  Escape: () => { if (place().kind !== "list") location.hash = lastList; },
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, select, textarea");
  if (typing && event.key === "Escape") { event.target.blur(); return; }
  if (typing || event.ctrlKey || event.metaKey || event.altKey || document.getElementById("help").open) return;
  const act = KEYS[event.key];
  if (act) { event.preventDefault(); act(); }
});
document.getElementById("keys").addEventListener("click", () => document.getElementById("help").showModal());
window.addEventListener("hashchange", show);
show();
