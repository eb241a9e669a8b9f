// What the desk has to tell the person at it, wherever on it they look: on every page, and in the dialog that lies over
// them all. It stands until it is closed, until there is something newer, or until what it says is true no more.

import { html } from "./html.js";
import { state, update } from "./store.js";
import { t } from "./i18n.js";

/** Tell *text*, which is true until *of* succeeds. @param {string} text @param {string} of what it is about */
export const tellBad = (text, of) => update({ notice: { text, bad: true, of } });

/** What was told of *of* is true no more. @param {string} of */
export function tellNoMore(of) {
  if (state.notice?.of === of) update({ notice: null });
}

export const notice = () => state.notice && html`<div class=${`notice ${state.notice.bad ? "bad" : ""}`} role="alert"><span><bdi>${state.notice.text}</bdi></span> <button type="button" onClick=${() => update({ notice: null })}>${t("act.close")}</button></div>`;

/** In the page itself; a dialog that acts has it inside, since nothing else can be pressed while it is open. */
export const pageNotice = () => (state.why || state.sessions ? "" : notice());
