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

# Records a question, 16 kHz and mono, and gives it to the upload button beside it as if it had been
# chosen there; "input" with the problem where it cannot. Whether it records stands at the body, as
# the button is drawn anew with the language.
SPEAKING = """
const LONGEST = 29, RATE = 16000;
let recorder = null, asking = false;
const told = (key) => {
  const status = element.querySelector("[role=status]");
  status.textContent = key ? status.dataset[key] : "";
};
const failed = (problem) => { told(""); trigger("input", {problem}); };
const wave = async (blob) => {
  const sound = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await blob.arrayBuffer());
  const channels = Array.from({length: sound.numberOfChannels}, (_, c) => sound.getChannelData(c));
  const file = new DataView(new ArrayBuffer(44 + 2 * sound.length));
  const text = (at, value) => [...value].forEach((c, k) => file.setUint8(at + k, c.charCodeAt(0)));
  const size = 2 * sound.length;
  text(0, "RIFF"); file.setUint32(4, 36 + size, true); text(8, "WAVEfmt ");
  file.setUint32(16, 16, true); file.setUint16(20, 1, true); file.setUint16(22, 1, true);
  file.setUint32(24, RATE, true); file.setUint32(28, 2 * RATE, true);
  file.setUint16(32, 2, true); file.setUint16(34, 16, true);
  text(36, "data"); file.setUint32(40, size, true);
  for (let n = 0; n < sound.length; n++) {
    const mean = channels.reduce((sum, samples) => sum + samples[n], 0) / channels.length;
    file.setInt16(44 + 2 * n, 32767 * Math.max(-1, Math.min(1, mean)), true);
  }
  return new File([file.buffer], "question.wav", {type: "audio/wav"});
};
const give = (file) => {
  const files = new DataTransfer();
  files.items.add(file);
  const input = document.querySelector("#speak-row input[type=file]");
  input.files = files.files;
  input.dispatchEvent(new Event("change", {bubbles: true}));
};
const start = async () => {
  if (!navigator.mediaDevices || !window.MediaRecorder) return failed("insecure");
  window.speechSynthesis?.cancel();  // it would be recorded
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({audio: true});
  } catch (error) {
    return failed(error.name === "NotFoundError" ? "none" : "denied");
  }
  const heard = [], begin = Date.now();
  recorder = new MediaRecorder(stream);
  const clock = () => {
    const seconds = Math.floor((Date.now() - begin) / 1000);
    element.querySelector(".seconds").textContent = `0:${String(seconds).padStart(2, "0")}`;
    if (seconds >= LONGEST && recorder?.state === "recording") recorder.stop();
  };
  const timer = setInterval(clock, 250);
  recorder.ondataavailable = (event) => heard.push(event.data);
  recorder.onstop = async () => {
    clearInterval(timer);
    stream.getTracks().forEach((track) => track.stop());
    const blob = new Blob(heard, {type: recorder.mimeType});
    recorder = null;
    delete document.body.dataset.recording;
    told("writing");
    try { give(await wave(blob)); } catch { failed("failed"); }
  };
  recorder.start();
  clock();
  document.body.dataset.recording = "";
  told("recording");
};
element.addEventListener("click", async (event) => {
  if (!event.target.closest("[data-speak]") || asking) return;
  if (recorder) return recorder.state === "recording" && recorder.stop();
  asking = true;
  await start();
  asking = false;
});
"""

# A recording has been dealt with: the transcript gets the focus, to be corrected or asked.
HEARD = """
(line) => {
  document.querySelector("#speak [role=status]").textContent = "";
  if (!line.includes('data-testid="heard"')) return;
  const box = document.querySelector("#question textarea");
  box.focus();
  box.setSelectionRange(box.value.length, box.value.length);
}
"""

# Reads each new answer aloud with the browser's own voice, while the box for it is ticked; else a
# screen reader is told of it, with its question. That goes again, lest it be met a second time.
READING = """
if (!window.speechSynthesis) document.body.dataset.mute = "";  // hides the box; see style.css
const status = document.body.appendChild(document.createElement("div"));
status.setAttribute("role", "status");
status.className = "unseen";
let turn = "", gone;
const read = () => {
  const card = element.querySelector("[data-turn]");
  if ((card?.dataset.turn ?? "") === turn) return;  // drawn again, in another language say
  turn = card?.dataset.turn ?? "";
  say();
  if (card && !wanted()) tell(card);
};
const wanted = () => window.speechSynthesis && document.querySelector("#aloud input").checked;
const spokenIn = (card) => card.querySelector("[data-testid=answer]").lang;
const say = () => {
  window.speechSynthesis?.cancel();
  const card = element.querySelector("[data-turn]");
  if (!card || !wanted()) return;
  const spoken = new SpeechSynthesisUtterance(card.dataset.aloud);
  spoken.lang = spokenIn(card) === "zh" ? "zh-CN" : "en-US";
  window.speechSynthesis.speak(spoken);
};
const tell = (card) => {
  const answer = document.createElement("p");
  answer.lang = spokenIn(card);
  answer.textContent = card.dataset.aloud;
  status.replaceChildren(card.querySelector(".asked").cloneNode(true), answer);
  clearTimeout(gone);
  gone = setTimeout(() => status.replaceChildren(), 5000);
};
new MutationObserver(read).observe(element, {childList: true, subtree: true});
document.addEventListener("change", (event) => event.target.closest("#aloud") && say());
"""
ANSWER = f"{CANDIDATES}\n{{{READING}}}"
