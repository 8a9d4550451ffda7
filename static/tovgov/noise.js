"use strict";
// The look ahead of a noise filter follows what is typed. Without this file the Preview button shows the same.
{
  const PAUSE = 350;
  const form = document.querySelector("form[data-noise]");
  const box = document.getElementById("noise-preview");
  let timer = 0;
  let asked = 0;

  function look() {
    const fields = new URLSearchParams();
    for (const name of ["pattern", "kind", "target"]) fields.set(name, form.elements[name].value);
    const mine = ++asked;
    fetch(`${form.dataset.noise}?${fields}`, { headers: { "X-Requested-With": "fetch" }, credentials: "same-origin" })
      .then((response) => (response.ok && !response.redirected ? response.text() : Promise.reject(response)))
      .then((html) => {
        if (mine === asked) box.replaceChildren(...new DOMParser().parseFromString(html, "text/html").body.children);
      })
      .catch(() => {});
  }

  if (form && box) {
    form.addEventListener("input", (event) => {
      if (event.target.name === "reason") return;
      clearTimeout(timer);
      timer = setTimeout(look, PAUSE);
    });
  }
}
