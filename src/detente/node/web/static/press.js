// What a finger is on does not move away from under it. A button that is shifted between press and release gets no click,
// or another button gets it; so while one is held down nothing is drawn, though never for longer than half a second.

const LONGEST_MS = 500;
const PRESSED = "button, summary, label, a";

let until = -Infinity;

addEventListener("pointerdown", ({ target }) => {
  if (target instanceof Element && target.closest(PRESSED)) until = performance.now() + LONGEST_MS;
}, { capture: true });
for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => (until = -Infinity), { capture: true });

/** What is answered for by the person who pressed it, and whose place another may take within the same second. */
const SEEN = "[data-acknowledge], #strip-acknowledge, #release-undo, #release-withdraw";

/** The second press of a double one, and a key that is held down, would fall on what nobody has looked at yet. @param {Event} event */
function unlessSeen(event) {
  const isAgain = event instanceof KeyboardEvent ? event.repeat && event.key === "Enter" : event instanceof MouseEvent && event.detail > 1;
  if (!isAgain || !(event.target instanceof Element) || !event.target.closest(SEEN)) return;
  event.preventDefault();
  event.stopPropagation();
}

for (const kind of ["click", "keydown"]) addEventListener(kind, unlessSeen, { capture: true });

export const isPressed = () => performance.now() < until;
