// Passkeys as the node's JSON has them: the browser wants bytes, the wire has base64url.

/** @param {string} text */
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));

/** @param {ArrayBuffer} buffer */
const text = (buffer) => btoa(Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("")).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

/** @param {any} one */
const descriptor = (one) => ({ ...one, id: bytes(one.id) });

/** Whether this page may use passkeys at all: only over TLS or on this machine. */
export const hasPasskeys = () => Boolean(window.isSecureContext && window.PublicKeyCredential);

/** Make a passkey. @param {any} options @returns {Promise<Record<string, any>>} throws what the browser says */
export async function makePasskey(options) {
  const publicKey = { ...options, challenge: bytes(options.challenge), user: { ...options.user, id: bytes(options.user.id) }, excludeCredentials: (options.excludeCredentials ?? []).map(descriptor) };
  return answerOf(await navigator.credentials.create({ publicKey }));
}

/** Sign with a passkey. @param {any} options @returns {Promise<Record<string, any>>} throws what the browser says */
export async function usePasskey(options) {
  const publicKey = { ...options, challenge: bytes(options.challenge), allowCredentials: (options.allowCredentials ?? []).map(descriptor) };
  return answerOf(await navigator.credentials.get({ publicKey }));
}

/** @param {any} credential */
function answerOf(credential) {
  /** @type {Record<string, string>} */
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = text(credential.response[name]);
  }
  return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response, clientExtensionResults: {} };
}
