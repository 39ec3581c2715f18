// Where one is (the address after #), and how one gets elsewhere.

import { h, many, say } from "./draw.js";
import { drawList, PAGE } from "./list.js";
import { drawTree, openPlace, tellTree } from "./tree.js";
import { ask, isFile, GoneError } from "./source.js";
import { listen } from "./keys.js";

// The server gives so many rows at once, a page of the list shows PAGE of them.
const LOOK_EVERY_MS = 5000;
const SLOW_MS = 200;
let about = null;
let listed = { rows: [], total: 0, start: 0, values: null };
let lastList = null;
let turn = 0;
let drawn = "";

// ---------------------------------------------------------------- places

function place() {
  const [path, words] = location.hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  let parts;
  try {
    parts = path.split("/").map(decodeURIComponent);
  } catch {
    throw new Error("This address is cut short or broken.");
  }
  const values = Object.fromEntries(new URLSearchParams(words || ""));
  if (parts[0] === "f" && parts[2] === "tree") return { kind: "tree", forest: Number(parts[1]), id: parts[3], values };
  if (parts[0] === "compare") return { kind: "compare", forest: 0, problem: parts[1], values };
  return { kind: "list", forest: parts[0] === "f" ? Number(parts[1]) : 0, values };
}

// `typing`: the same place in the history, as it is another word of the same search.
function go(forest, choices, typing = false) {
  const words = new URLSearchParams(Object.entries(choices).filter(([, value]) => value !== "" && value !== 0));
  const hash = `#/f/${forest}${[...words].length ? `?${words}` : ""}`;
  if (!typing) { location.hash = hash; return; }
  history.replaceState(null, "", hash);
  show();
}

const SHOWN = { list: showList, tree: showTree, compare: showCompare };

async function show() {
  turn += 1;
  const mine = turn;
  const current = () => mine === turn;
  const main = document.getElementById("main");
  const slow = setTimeout(() => { if (current()) main.setAttribute("aria-busy", "true"); }, SLOW_MS);
  try {
    const at = place();
    about = (at.kind === "list" ? null : about) || await ask("about");
    if (!about) throw new Error("This address is not the one that the command printed.");
    if (!about.forests[at.forest]) throw new Error("There is no such forest.");
    if (!current()) return;
    tabs(at);
    warn(null);
    await SHOWN[at.kind](at, current);
  } catch (fault) {
    if (!current()) return;
    drawn = "";
    main.replaceChildren(h("div", { class: "empty", role: "alert" }, h("p", { class: "fault" }, fault.message),
      h("p", {}, h("button", { type: "button", onclick: show }, "Try again"), " ", h("a", { href: "#/" }, "To the list"))));
  } finally {
    clearTimeout(slow);
    if (current()) main.removeAttribute("aria-busy");
  }
}

async function showList(at, current) {
  const start = Math.max(0, Number(at.values.start) || 0);
  const found = await ask("trees", { ...at.values, forest: at.forest, start });
  if (!current()) return;
  const focused = document.activeElement?.id;
  const caret = document.activeElement?.selectionStart;
  const typed = focused === "words" ? document.getElementById("words")?.value : undefined;
  lastList = { forest: at.forest, hash: location.hash || "#/" };
  listed = { ...found, values: { ...at.values, forest: at.forest } };
  drawn = "";
  drawList(found, about, at.forest, at.values, go);
  const field = focused && document.getElementById(focused);
  if (!field) return;
  field.focus();
  if (typed !== undefined && typed !== field.value) field.value = typed; // more was typed while this was asked for
  if (field.type === "search" && caret !== null) field.setSelectionRange(caret, caret);
}

async function showTree(at, current) {
  const name = JSON.stringify([at.forest, at.id]);
  if (drawn !== name) {
    const tree = await ask("tree", { forest: at.forest, id: at.id });
    if (!current()) return;
    if (!tree) throw new Error(`There is no tree ${at.id} here.`);
    drawn = name;
    document.getElementById("main").replaceChildren(back(tree, at.forest), drawTree(tree, at.forest, ask));
    tellTree(tree);
    scrollTo(0, 0);
    const pair = firstWrong(tree, at.values);
    if (pair) at.values.pair = pair;
  }
  await openPlace(at.values);
}

// Who comes from a list of wrongly ranked pairs is shown the first of them.
function firstWrong(tree, { node, pair, wrong, right }) {
  const found = tree.rewards[wrong];
  if (node || pair || !found) return null;
  const others = right && tree.rewards[right];
  for (const [at, signs] of found.signs.entries()) {
    const first = [...signs].findIndex((sign, i) => sign === "w" && (!others || others.signs[at][i] === "r"));
    if (first >= 0) return `${at}.${first}`;
  }
  return null;
}

async function showCompare(at, current) {
  const columns = await Promise.all(about.forests.map(async (forest, i) => {
    const ids = await ask("problem", { forest: i, id: at.problem }) || [];
    const trees = (await Promise.all(ids.map((id) => ask("tree", { forest: i, id })))).filter(Boolean);
    return h("section", { class: "column", "aria-label": forest.name }, h("h2", {}, forest.name),
      trees.length ? trees.map((tree) => drawTree(tree, i, ask)) : h("p", { class: "none" }, "This problem has no tree here."));
  }));
  if (!current()) return;
  drawn = "";
  document.getElementById("main").replaceChildren(h("p", { class: "back" }, toList(0)), h("div", { class: "compare" }, columns));
  scrollTo(0, 0);
}

function tabs(at) {
  const several = about.forests.length > 1;
  document.title = `${about.forests.map((forest) => forest.name).join(" and ")} · preftree view`;
  document.getElementById("where").textContent = several ? "" : about.forests[0].name;
  document.getElementById("forests").replaceChildren(...(several ? about.forests.map((forest, i) =>
    h("a", { href: `#/f/${i}`, "aria-current": at.kind !== "compare" && at.forest === i ? "page" : null }, `${forest.name} (${forest.trees})`)) : []));
}

function listHash(forest) {
  return lastList && lastList.forest === forest ? lastList.hash : `#/f/${forest}`;
}

function toList(forest) {
  return h("a", { href: listHash(forest) }, "← List");
}

function back(tree, forest) {
  const other = about.forests.length > 1 ? h("a", { href: `#/compare/${encodeURIComponent(tree.problem.id)}` }, "Side by side") : null;
  return h("p", { class: "back" }, toList(forest), other);
}

// ---------------------------------------------------------------- a forest that grows, a server that goes

function warn(words, act = null) {
  const line = document.getElementById("news");
  line.hidden = !words;
  line.replaceChildren(...(words ? [words, " ", act ? h("button", { type: "button", onclick: act }, "Show") : ""] : []));
}

async function look() {
  if (document.hidden || !about || !document.getElementById("count")) return;
  try {
    const now = await ask("about");
    const more = now ? now.forests.reduce((sum, forest, i) => sum + forest.trees - about.forests[i].trees, 0) : 0;
    if (more) warn(`${many(Math.abs(more), more > 0 ? "new tree" : "tree fewer")} since this list was drawn.`, show);
    else warn(null);
  } catch (fault) {
    warn(fault.message);
    if (fault instanceof GoneError) clearInterval(looking);
  }
}

const looking = isFile ? 0 : setInterval(look, LOOK_EVERY_MS);

// ---------------------------------------------------------------- what the keys do

async function neighbour(by) {
  const at = place();
  if (at.kind !== "tree") return;
  if (listed.values?.forest !== at.forest) listed = { ...await ask("trees", { forest: at.forest, start: 0 }), values: { forest: at.forest } };
  let now = listed.rows.findIndex((row) => row.id === at.id);
  if (now < 0) { say("This tree is not in the list."); return; }
  const beyond = now + by < 0 || now + by >= listed.rows.length;
  const start = Math.max(0, listed.start + (by < 0 ? now - PAGE : now));
  if (beyond && !isFile && (by > 0 ? listed.start + now + 1 < listed.total : listed.start > 0)) {
    listed = { ...await ask("trees", { ...listed.values, start }), values: listed.values };
    now = listed.rows.findIndex((row) => row.id === at.id);
  }
  const next = listed.rows[now + by];
  if (next) location.hash = `#/f/${at.forest}/tree/${encodeURIComponent(next.id)}`;
  else say("There is no further tree in the list.");
}

async function sideBySide() {
  const at = place();
  if (at.kind !== "tree" || about.forests.length < 2) return;
  const tree = await ask("tree", { forest: at.forest, id: at.id });
  if (tree) location.hash = `#/compare/${encodeURIComponent(tree.problem.id)}`;
}

function told(act) {
  return async (...values) => {
    try {
      await act(...values);
    } catch (fault) {
      warn(fault.message);
    }
  };
}

listen({
  kind: () => place().kind,
  neighbour: told(neighbour),
  sideBySide: told(sideBySide),
  again: () => { drawn = ""; show(); },
  search: () => {
    const field = document.getElementById("words");
    if (field) field.focus();
    else location.hash = listHash(place().forest);
  },
  back: () => { if (place().kind !== "list") location.hash = listHash(place().forest); },
});
window.addEventListener("hashchange", show);
document.addEventListener("click", (event) => { // a link to where one is already: no change of address tells of it
  const link = event.target.closest?.("a[href^='#/']");
  if (link && link.getAttribute("href") === location.hash) show();
});
show();
