// What a finger is on does not move away from under it. A button that is shifted between press and release gets no click,
// or another button gets it; so while one is held down nothing is drawn, though never for longer than half a second.

const LONGEST_MS = 500;
const PRESSED = "button, summary, label, a";

let until = -Infinity;

addEventListener("pointerdown", ({ target }) => {
  if (target instanceof Element && target.closest(PRESSED)) until = performance.now() + LONGEST_MS;
}, { capture: true });
for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => (until = -Infinity), { capture: true });

export const isPressed = () => performance.now() < until;
