"""What the browser does by itself: tells Python what was pointed at, clicked or typed.

Each script is the `js_on_load` of a `gr.HTML`: `element` is the component's, `trigger` calls the
listeners of one of its events. Contents change with each answer, so listeners are on `element`.
"""

from __future__ import annotations

# An example was clicked: "click" with its number.
EXAMPLES = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-example]");
  if (button) trigger("click", {index: Number(button.dataset.example)});
});
"""

# A candidate is pointed at, has the focus or is tapped: "select" with its number; -1 when it is
# left. Only what is still so after a moment: a pointer on its way elsewhere asks for nothing.
CANDIDATES = """
let timer, told = element.firstElementChild, number = -1;
const show = (wanted) => {
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (told !== element.firstElementChild) { told = element.firstElementChild; number = -1; }
    if (wanted === number) return;
    number = wanted;
    trigger("select", {index: wanted});
  }, 120);
};
const over = (event) => {
  const button = event.target.closest("[data-candidate]");
  if (button) show(Number(button.dataset.candidate));
};
for (const kind of ["mouseover", "focusin", "click"]) element.addEventListener(kind, over);
const left = () => {
  const held = element.querySelector("[data-candidate]:focus-visible");
  show(held ? Number(held.dataset.candidate) : -1);
};
element.addEventListener("mouseleave", left);
element.addEventListener("focusout", left);
"""

# A place of the overlay was chosen: "click" with its (x, y) in [0, 1]. A click names the point
# itself, the keyboard the middle of the place.
PLACES = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-place]");
  const canvas = event.target.closest(".canvas");
  if (!canvas || (!button && event.detail === 0)) return;
  let [x, y] = button ? button.dataset.place.split(",").map(Number) : [0, 0];
  if (event.detail > 0) {
    const box = canvas.getBoundingClientRect();
    x = (event.clientX - box.left) / box.width;
    y = (event.clientY - box.top) / box.height;
  }
  trigger("click", {place: [Math.min(Math.max(x, 0), 1), Math.min(Math.max(y, 0), 1)]});
});
"""

# After a pause in typing: "input" with the text, while the box beside it is ticked. Not for what
# an input method is still composing, and not when the question is being asked anyway.
TYPING = """
let timer;
// A guess that comes late, when the question has been asked, is not shown; see style.css.
const stop = () => { clearTimeout(timer); delete document.body.dataset.typing; };
const typed = (event) => {
  if (!event.target.closest("#question") || event.isComposing) return;
  clearTimeout(timer);
  if (!document.querySelector("#live input").checked) return;
  const text = event.target.value;
  timer = setTimeout(() => {
    document.body.dataset.typing = "";
    trigger("input", {text});
  }, 400);
};
document.addEventListener("input", typed);
document.addEventListener("compositionend", typed);
document.addEventListener("keydown", (event) => { if (event.key === "Enter") stop(); }, true);
document.addEventListener("click", (event) => event.target.closest("button") && stop(), true);
"""

# The language that a link names, else the browser's. In the browser alone: the server's word would
# come late, and undo what a visitor has chosen meanwhile.
GREETING = """
() => {
  const asked = new URLSearchParams(location.search).get("lang") ?? navigator.language;
  return asked.toLowerCase().startsWith("zh") ? "zh" : "en";
}
"""

# The page's language, for screen readers and for Gradio's own words, which otherwise follow the
# browser. Gradio's frontend has them in the one module of this name that is already loaded.
LANGUAGE = """
async (language) => {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  const core = performance.getEntriesByType("resource")
    .map((entry) => entry.name).find((name) => /\\/assets\\/core-[^/]*\\.js$/.test(name));
  if (core) {
    const {changeLocale} = await import(core);
    changeLocale?.(document.documentElement.lang);
  }
  return language;
}
"""
