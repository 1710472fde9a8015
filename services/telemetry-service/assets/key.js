// The field for the token: the first one, a new one before the old one ends, and the way to forget it.

import { say, sayTime } from "./words.js";

export class KeyField {
  #box = document.getElementById("key");
  #summary = document.getElementById("key-summary");
  #field = document.getElementById("key-field");
  #told = document.getElementById("key-told");
  #forget = document.getElementById("key-forget");

  /** @param {{ given: (text: string) => void, forgotten: () => void }} on */
  constructor(on) {
    document.getElementById("key-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const text = this.#field.value.trim().replace(/^bearer\s+/i, "");
      this.#field.value = "";
      if (text) on.given(text);
    });
    this.#forget.addEventListener("click", () => {
      on.forgotten();
      this.#field.focus();
    });
  }

  /** Says whose token is used. @param {import("./token.js").Token} token */
  show(token) {
    const until = token.expiresAt;
    this.#forget.hidden = !token.text;
    this.#summary.textContent = !token.text
      ? say("keyNone")
      : say("keyOf", { tenant: token.tenant || "?", time: until === null ? "?" : sayTime(until) });
  }

  /** Asks for a token: nothing goes on without one, so the reader is led here. */
  demand() {
    this.#told.textContent = "";
    this.#box.open = true;
    this.#field.focus();
  }

  /** Asks for the next token while the present one still holds; the reader is not torn away from what they read. */
  remind(seconds) {
    this.#box.open = true;
    this.tell("keyEnds", { time: sayTime(Date.now() + seconds * 1000) });
  }

  done() {
    this.#box.open = false;
    this.#told.textContent = "";
  }

  tell(key, values = {}) {
    this.#told.textContent = say(key, values);
  }
}
