"""Gradio's own words, where it has them in English alone: names of buttons, and its messages.

Gradio has no parameter for them, so a script in the browser replaces them.
"""

from __future__ import annotations

import json

_BUSY = "Many people are asking; please try again in a moment.", "提问的人很多，请稍后再试。"

# In English, in Chinese, and what Gradio writes where that is neither.
NAMES = (
    ("Ask a picture", "看图问答"),  # the title of the window
    ("Click to Access Webcam", "点击以使用摄像头"),
    ("Clear", "清除"),
    ("Close", "关闭"),
    ("Connection Lost", "连接已断开"),
    ("Copy", "复制"),
    ("Copied", "已复制"),
    ("Empty value", "空"),
    ("Error", "错误"),
    ("Exit fullscreen mode", "退出全屏"),
    ("Fullscreen", "全屏"),
    ("Paste from clipboard", "从剪贴板粘贴"),
    ("Remove Image", "移除图片"),
    ("Remove this file", "移除此文件"),
    ("Stop Recording", "停止录制"),
    ("More tabs", "更多标签页"),
    ("Footer", "页脚", "Gradio footer navigation"),
    ("Upload", "上传", "common.upload"),
    ("Upload file", "上传文件"),
    ("Choose a file", "选择文件", "File upload"),
    ("Click to upload or drop files", "点击上传，或将文件拖放到此处"),
    ("Drop an image file here to upload", "将图像文件拖放到此处以上传"),
    ("Capture from camera", "用摄像头拍摄"),
    ("Allow the webcam", "允许使用摄像头", "grant webcam access"),
    ("Take the picture", "拍照", "capture photo"),
    ("Choose the camera", "选择摄像头", "select input source"),
    ("Cameras", "摄像头列表", "select source"),
    (
        "Something went wrong; please try again.",
        "出错了，请再试一次。",
        "An error occurred.",
        "Connection errored out.",
    ),
    (*_BUSY, "This application is currently busy. Please try again."),
    (
        "The connection to the server was lost; trying to reconnect.",
        "与服务器的连接已断开，正在重新连接。",
        "Connection to the server was lost. Attempting reconnection...",
    ),
)

# Messages with something in them: pattern, in English, in Chinese.
_MESSAGES = (
    (
        r"^File\(s\) exceed the maximum allowed size of ([\d.]+) Mb: (.*)$",
        "$2 is larger than $1 MB; choose a smaller file.",
        "$2 超过 $1 MB，请选择较小的文件。",
    ),
    (r"^Queue is full\. .*$", *_BUSY),
)

# The language is that of the document. Text is replaced only where Gradio alone writes: an answer
# may be "Copy".
_SCRIPT = """
const names = new Map(NAMES.flatMap((row) => row.map((name) => [name, row])));
const messages = MESSAGES.map(([pattern, ...said]) => [new RegExp(pattern, "s"), said]);
const labels = ["aria-label", "title", "alt"];
const place = "#picture, .toast-wrap";
const said = (text) => {
  const number = document.documentElement.lang.startsWith("zh") ? 1 : 0, plain = text.trim();
  if (names.has(plain)) return names.get(plain)[number];
  const found = messages.find(([pattern]) => pattern.test(plain));
  if (found) return plain.replace(found[0], found[1][number]);
  try {  // what the server refused, with both languages in it
    const {message, message_zh} = JSON.parse(/^HTTP \\d+: (.*)$/s.exec(plain)[1]).error;
    return number ? message_zh : message;
  } catch {
    return text;
  }
};
const label = (one) => {
  for (const name of labels) {
    const old = one.getAttribute(name), now = old && said(old);
    if (now !== old) one.setAttribute(name, now);
  }
};
const text = (node) => {
  const now = said(node.data);
  if (now !== node.data) node.data = now;
};
const all = (root) => {
  if (root.nodeType === Node.TEXT_NODE) return root.parentElement?.closest(place) && text(root);
  if (root.nodeType !== Node.ELEMENT_NODE) return;
  label(root);
  root.querySelectorAll(labels.map((name) => `[${name}]`).join()).forEach(label);
  const places = root.closest(place) ? [root] : root.querySelectorAll(place);
  for (const one of places) {
    const walker = document.createTreeWalker(one, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) text(walker.currentNode);
  }
};
const whole = () => { document.title = said(document.title); all(document.body); };
new MutationObserver((changes) => {
  for (const {type, target, addedNodes, attributeName} of changes) {
    if (attributeName === "lang") target === document.documentElement && whole();
    else if (type === "attributes") label(target);
    else if (type === "characterData") all(target);
    else addedNodes.forEach(all);
  }
}).observe(document.documentElement, {
  subtree: true,
  childList: true,
  characterData: true,
  attributeFilter: ["lang", ...labels],
});
whole();
"""


def script() -> str:
    """The `js_on_load` of a `gr.HTML` that is there from the start."""
    lists = {"NAMES": NAMES, "MESSAGES": _MESSAGES}
    heads = [f"const {k} = {json.dumps(v, ensure_ascii=False)};" for k, v in lists.items()]
    return "\n".join([*heads, _SCRIPT])
