/** The login of the reader, and its end. */

import { ask, post } from "./api.js";
import { $, button, make } from "./dom.js";

const NOBODY = { user: null, may_share: false, login: false, share: null, share_max_seconds: 0 };

/** What the reader may do. */
export async function session() {
  try {
    return await (await ask("session", { cache: "no-store" })).json();
  } catch {
    return NOBODY; // the list shows the error
  }
}

export const logOut = () => post("logout", {});

/** Shows the login form. Calls `entered()` after the login. */
export function askForLogin(entered) {
  const form = $("login");
  if (!form.hidden) return;
  const name = make("input", {
    name: "username",
    autocomplete: "username",
    spellcheck: false,
    autocapitalize: "none",
  });
  const secret = make("input", {
    name: "password",
    type: "password",
    autocomplete: "current-password",
    required: true,
  });
  const trouble = make("p", { className: "bad", role: "alert" });
  const submit = button("Log in", null, { type: "submit", className: "main" });
  form.replaceChildren(
    make("h2", { textContent: "Log in" }),
    make("label", {}, "Name, if you have one", name),
    make("label", {}, "Password or token", secret),
    trouble,
    submit,
  );
  form.onsubmit = async event => {
    event.preventDefault();
    submit.disabled = true;
    trouble.textContent = "";
    try {
      await post("login", { user: name.value.trim() || null, secret: secret.value });
      form.hidden = true;
      form.replaceChildren();
      entered();
    } catch (error) {
      trouble.textContent =
        error.status === 401 ? "The name, password or token is not right." : error.message;
      secret.select();
      secret.focus();
    }
    submit.disabled = false;
  };
  form.hidden = false;
  secret.focus();
}
