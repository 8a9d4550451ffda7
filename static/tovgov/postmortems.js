"use strict";
// The preview follows what is typed. Without this file the Preview button shows the same.
{
  const PAUSE = 500;
  const form = document.querySelector("form[data-preview]");
  const box = document.getElementById("postmortem-preview");
  let timer = 0;
  let asked = 0;
  let isDirty = false;

  function look() {
    const mine = ++asked;
    const fields = new URLSearchParams();
    for (const name of ["csrfmiddlewaretoken", "text"]) fields.set(name, form.elements[name].value);
    fetch(form.dataset.preview, { method: "POST", body: fields, headers: { "X-Requested-With": "fetch" }, credentials: "same-origin" })
      .then((response) => (response.ok && !response.redirected ? response.text() : Promise.reject(response)))
      .then((html) => {
        if (mine === asked) box.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.children);
      })
      .catch(() => {});
  }

  if (form && box) {
    form.addEventListener("input", () => {
      isDirty = true;
      clearTimeout(timer);
      timer = setTimeout(look, PAUSE);
    });
    form.addEventListener("submit", () => { isDirty = false; });
    window.addEventListener("beforeunload", (event) => { if (isDirty) event.preventDefault(); });
  }
}
