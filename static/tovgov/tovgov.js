"use strict";
// Small services: a running job's panel refreshes itself, no button is pressed twice by mistake, and a destination's
// form shows the fields of its kind only.
// Without this file the pages work too: they reload, and the verbs refuse the second press.
{
  const EVERY = 2000;

  function refresh(box) {
    fetch(box.dataset.live, { headers: { "X-Requested-With": "fetch" }, credentials: "same-origin" })
      .then((response) => (response.ok && !response.redirected ? response.text() : Promise.reject(response)))
      .then((html) => show(box, new DOMParser().parseFromString(html, "text/html")))
      .catch(() => setTimeout(refresh, EVERY * 3, box));
  }

  function show(box, page) {
    if (box.dataset.livePart) {
      const part = page.getElementById(box.dataset.livePart);
      if (!part) { location.reload(); return; }
      box.replaceChildren(...part.children);
    } else if (!showPanel(box, page)) {
      return;
    }
    setTimeout(refresh, EVERY, box);
  }

  function showPanel(box, page) {
    const now = page.querySelector(".job-panel");
    const shown = box.querySelector(".job-panel");
    if (now.dataset.open === "no" || now.dataset.state !== shown.dataset.state) { location.reload(); return false; }
    const log = shown.querySelector(".log");
    const following = !log || log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
    const focused = document.activeElement === log;
    const closed = shown.querySelector("details:not([open])");
    if (closed && now.querySelector("details")) now.querySelector("details").open = false;
    const word = box.querySelector("[data-live-word]");
    if (word.textContent !== now.dataset.word) word.textContent = now.dataset.word;
    const top = log ? log.scrollTop : 0;
    shown.replaceWith(now);
    const fresh = box.querySelector(".log");
    if (fresh) {
      fresh.scrollTop = following ? fresh.scrollHeight : top;
      if (focused) fresh.focus();
    }
    return true;
  }

  for (const box of document.querySelectorAll("[data-live]")) {
    const log = box.querySelector(".log");
    if (log) log.scrollTop = log.scrollHeight;
    setTimeout(refresh, EVERY, box);
  }

  const kind = document.querySelector("#destination_form #id_kind");
  if (kind) {
    const choose = () => {
      for (const set of document.querySelectorAll("fieldset[class*='kind-']")) set.hidden = !set.classList.contains(`kind-${kind.value}`);
    };
    kind.addEventListener("change", choose);
    choose();
  }

  for (const form of document.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", () => {
      const button = form.querySelector("button[type=submit]");
      setTimeout(() => { button.disabled = true; }, 0);
    });
  }
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) for (const button of document.querySelectorAll("form[data-once] button[disabled]")) button.disabled = false;
  });
}
