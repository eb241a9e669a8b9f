// In a replay, and on a wall, nothing can be ordered: what would order is switched off where it is seen, after each
// drawing, besides that no order leaves the page (`orders.js`).

const ORDERS = [
  "[data-acknowledge]", "#strip-acknowledge", "#composer :is(button, input, select, textarea)", "#hotline .acts :is(button, select)",
  "#alerts .acts :is(select, button.main, [data-stand-down])", "[data-act]", "#seat", "#to-tables", "#volume-on", "#act-form :is(button.main, input, select, textarea)", "[data-order]",
].join(", ");

export function switchOff() {
  for (const element of document.querySelectorAll(ORDERS)) /** @type {HTMLButtonElement} */ (element).disabled = true;
}
