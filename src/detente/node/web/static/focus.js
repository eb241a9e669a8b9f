// Who works by keys keeps their place. What goes, or cannot be pressed any more, while it has the focus, as most buttons once
// they were used, leaves it to its row or to the part of the desk around it: never to another button, where a second Enter
// would fall on what nobody has looked at yet. A dialog leaves it to what it was opened from.

import { state } from "./store.js";

const PLACES = "li[data-alert], li[data-message], article, section, form, dialog, main.sheet, [tabindex]";

/** What last had the focus outside of a dialog, and the places around it, the nearest first. @type {HTMLElement[]} */
let outside = [];

/** @param {HTMLElement} element @returns {HTMLElement[]} */
function placesOf(element) {
  const found = [element];
  for (let at = element.parentElement; at; at = at.parentElement) if (at.matches(PLACES)) found.push(at);
  return found;
}

/** @param {HTMLElement} place @returns {boolean} whether it took the focus */
function rest(place) {
  place.focus({ preventScroll: true });
  if (document.activeElement === place) return true;
  place.tabIndex = -1;
  place.focus({ preventScroll: true });
  return document.activeElement === place;
}

/** Draw, and leave the focus where its place is. @param {() => void} draw */
export function keepingFocus(draw) {
  const held = document.activeElement;
  const isHeld = held instanceof HTMLElement && held !== document.body;
  const places = isHeld ? placesOf(held) : [];
  const isInDialog = isHeld && held.closest("dialog") !== null;
  if (isHeld && !isInDialog) outside = places;
  draw();
  if (!isHeld || (document.activeElement !== document.body && !held.matches(":disabled"))) return;
  const large = document.querySelector(state.view === "map" ? "#sky" : `#${state.view}`);
  const next = [...places, ...(isInDialog ? outside : []), /** @type {HTMLElement} */ (large)];
  next.some((place) => place.isConnected && place.checkVisibility() && !place.matches(":disabled") && rest(place));
}
