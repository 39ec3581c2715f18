// The keys. `here` says where one is and how to go elsewhere.

import { jumpTo } from "./tree.js";

function step(by, kind) {
  const targets = [...document.querySelectorAll(kind === "list" ? ".row a" : "[data-place]")].filter((element) => element.checkVisibility());
  if (!targets.length) return;
  const now = targets.findIndex((element) => element === document.activeElement || element.classList.contains("here"));
  const next = targets[Math.min(targets.length - 1, Math.max(0, now + by))];
  if (kind === "list") { next.focus(); return; }
  jumpTo(next);
  const link = kind === "tree" ? next.querySelector(".link") : null;
  if (link) history.replaceState(null, "", link.hash);
}

function foldAll() {
  const all = [...document.querySelectorAll("main details")];
  const opened = all.some((element) => element.open);
  all.forEach((element) => { element.open = !opened; });
}

export function listen(here) {
  const help = document.getElementById("help");
  const keys = {
    "/": () => here.search(), j: () => step(1, here.kind()), k: () => step(-1, here.kind()), n: () => here.neighbour(1),
    p: () => here.neighbour(-1), o: foldAll, c: () => here.sideBySide(), r: () => here.again(),
    "?": () => help.showModal(), Escape: () => here.back(),
  };
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, select, textarea");
    if (typing && event.key === "Escape") { event.target.blur(); return; }
    if (typing || event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    const act = Object.hasOwn(keys, event.key) ? keys[event.key] : null;
    if (act) { event.preventDefault(); act(); }
  });
  document.getElementById("keys").addEventListener("click", () => help.showModal());
}
