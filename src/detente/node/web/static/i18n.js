// The desk's language: flat catalogues, key → text with {name}. Codes, callsigns and figures are never translated.

/** @type {Record<string, string>} */
let catalogue = {};

export const LANGUAGES = ["en", "tr", "ru"];

const WITHIN_MS = 15_000;

let chosen = "";

/** @param {string} lang @returns {Promise<boolean>} false: another has been chosen meanwhile; throws when its words cannot be had */
export async function speak(lang) {
  chosen = lang;
  const answer = await fetch(`/static/i18n/${lang}.json`, { signal: AbortSignal.timeout(WITHIN_MS) });
  const words = await answer.json();
  if (chosen !== lang) return false;
  catalogue = words;
  document.documentElement.lang = lang;
  try {
    localStorage.setItem("detente.lang", lang);
  } catch {
    // a desk that keeps nothing still speaks
  }
  return true;
}

/** @returns {string} the language chosen at this desk before */
export function chosenLanguage() {
  try {
    const before = localStorage.getItem("detente.lang");
    return before && LANGUAGES.includes(before) ? before : "en";
  } catch {
    return "en";
  }
}

/** @param {string} key @param {Record<string, string | number>} [params] @returns {string} */
export function t(key, params) {
  const text = catalogue[key] ?? key;
  return params ? text.replace(/\{(\w+)\}/g, (whole, name) => String(params[name] ?? whole)) : text;
}

/** A word from the node's closed lists, translated when we know it, as sent when not. @param {string} list @param {string} word_ */
export const word = (list, word_) => catalogue[`${list}.${word_}`] ?? word_;
