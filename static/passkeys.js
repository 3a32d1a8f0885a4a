// Carries what the server asks to the device that holds the passkeys, and its answer back (WebAuthn Level 3).
"use strict";

{
  const toBytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const toText = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");

  const post = async (address, body) => {
    const headers = { "accept": "application/json", "content-type": "application/json" };
    const response = await fetch(address, { method: "POST", headers, body: JSON.stringify(body) });
    const answer = await response.json();
    if (answer.error === "proof_required") {
      location.assign(`/ui/prove?next=${encodeURIComponent(location.pathname)}`);
      throw new DOMException("on the way there", "AbortError");
    }
    if (!response.ok) throw Object.assign(new Error(answer.message), { said: true });
    return answer;
  };

  // What JSON can't carry is base64url there and bytes to the browser.
  const forBrowser = (options) => {
    options.challenge = toBytes(options.challenge);
    if (options.user) options.user.id = toBytes(options.user.id);
    for (const known of options.excludeCredentials ?? []) known.id = toBytes(known.id);
    return options;
  };
  const forServer = ({ id, rawId, type, response }) => {
    const parts = ["attestationObject", "authenticatorData", "clientDataJSON", "signature", "userHandle"];
    const sent = parts.filter((part) => response[part]).map((part) => [part, toText(response[part])]);
    return { id, rawId: toText(rawId), type, response: Object.fromEntries(sent) };
  };

  const register = async (form) => {
    const { publicKey } = await post(form.dataset.question, {});
    const credential = await navigator.credentials.create({ publicKey: forBrowser(publicKey) });
    return { credential: forServer(credential), name: form.elements.name.value };
  };

  let waiting; // for a passkey to be chosen where the e-mail is typed: a page has one request at a time
  let again;
  const signIn = async (form, how) => {
    waiting?.abort();
    const mine = waiting = new AbortController();
    const { ceremony, publicKey } = await post(form.dataset.question, {});
    const options = { publicKey: forBrowser(publicKey), signal: mine.signal, ...how };
    const credential = await navigator.credentials.get(options);
    return { ceremony, credential: forServer(credential), next: form.elements.next.value };
  };

  const sentence = (error) => {
    if (error.said) return error.message;
    if (error.name === "InvalidStateError") return "This device has a passkey here already.";
    if (error.name === "NotAllowedError") return "Nothing was done: it was cancelled, took too long, or there is no passkey for this address.";
    return `That did not work (${error.name}). Try again, or use another device.`;
  };

  const run = async (form, ask, unasked = false) => {
    const wrong = form.querySelector("[data-wrong]");
    if (!unasked) wrong.hidden = true;
    try {
      const { next } = await post(form.dataset.answer, await ask());
      // To one's own page from itself, a fragment alone would load nothing.
      if (new URL(next, location).pathname === location.pathname) history.replaceState(null, "", next), location.reload();
      else location.assign(next);
    } catch (error) {
      if (error.name === "AbortError" || unasked && !error.said) return;
      wrong.textContent = sentence(error);
      wrong.hidden = false;
    }
  };

  for (const form of document.querySelectorAll("[data-passkey]")) {
    const beside = form.parentElement;
    if (!window.PublicKeyCredential || !navigator.credentials) {
      const here = location.origin === form.dataset.origin;
      beside.querySelector(here ? "[data-unsupported]" : "[data-elsewhere]").hidden = false;
      continue;
    }
    if (location.origin !== form.dataset.origin) {
      beside.querySelector("[data-elsewhere]").hidden = false;
      continue;
    }
    form.hidden = false;
    const ask = form.dataset.passkey === "register" ? register : signIn;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      clearTimeout(again);
      await run(form, () => ask(form));
      if (form.dataset.passkey === "sign-in") offer(form);
    });
    if (form.dataset.passkey === "sign-in") offer(form);
  }

  // Where the browser can, passkeys are offered beside the e-mail. What the server asked is asked anew before it is too old.
  async function offer(form) {
    if (!await PublicKeyCredential.isConditionalMediationAvailable?.()) return;
    clearTimeout(again);
    again = setTimeout(() => offer(form), 4 * 60 * 1000);
    await run(form, () => signIn(form, { mediation: "conditional" }), true);
  }
}
