// Single keys, when no field has the focus and no modifier is held. Each has a button too. No key sends a message, signs
// or rejects: `Enter` acknowledges only because the focus is on the button.

/** @typedef {Record<string, (event: KeyboardEvent) => void>} Bindings */

/** Key → what the help calls it. The order is the help's. @type {[string, string][]} */
export const KEYS = [
  ["1", "alerts"], ["2", "conflicts"], ["3", "map"], ["4", "hotline"], ["5", "link"], ["6", "feeds"], ["7", "release"], ["8", "tables"],
  ["9", "record"], ["0", "policy"],
  ["n", "urgent"], ["Enter", "press"], ["g", "show"], ["y", "why"], ["x", "silence"], ["/", "find"], ["Escape", "close"],
  ["[", "previous"], ["]", "next"], ["+", "closer"], ["-", "farther"], ["h", "home"], ["f", "follow"],
  ["v", "vectors"], ["t", "trails"], ["r", "rings"], ["z", "zones"], ["l", "labels"], ["o", "lines"], ["m", "measure"],
  [" ", "play"], [",", "back"], [".", "on"], ["<", "back_min"], [">", "on_min"],
  ["?", "help"],
];

const FIELDS = "input, textarea, select, [contenteditable]";

/** @param {Bindings} bindings by the help's name */
export function listen(bindings) {
  const byKey = new Map(KEYS.map(([key, name]) => [key, name]));
  addEventListener("keydown", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (document.querySelector("dialog[open]")) return;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (target.matches?.(FIELDS) && event.key !== "Escape") return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    // With Shift a comma and a full stop are other signs on each keyboard: these two go by their place.
    const shifted = event.shiftKey ? { Comma: "<", Period: ">" }[event.code] : undefined;
    const alias = shifted ?? { q: "+", e: "-", "=": "+" }[key] ?? key;
    const act = bindings[byKey.get(alias) ?? ""];
    if (!act || (event.key === " " && target.closest("button, summary, [role=tab]"))) return; // Space presses what has the focus
    act(event);
    if (event.key !== "Escape") event.preventDefault();
  });
}
