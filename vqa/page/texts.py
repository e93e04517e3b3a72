"""What the page says, in English and Chinese."""

from __future__ import annotations

from vqa.predictor import Answer

LANGUAGE_NAMES = {"en": "English", "zh": "中文"}
VERY_SURE = 0.9

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "title": "Ask a picture",
        "subtitle": "Show it a picture, ask in English or Chinese, and see where it looks.",
        "picture": "Picture",
        "drop": "Drop a picture here, paste one, or click to choose",
        "question": "Question",
        "question_hint": "What is it? How many are there? Then: and what color is it?",
        "ask": "Ask",
        "ask_tab": "Ask",
        "examples": "Or try one of these",
        "idle": "The answer will appear here.",
        "very_sure": "very sure",
        "fairly_sure": "fairly sure",
        "not_sure": "not sure",
        "not_sure_lead": "I am not sure. My best guess:",
        "top": "Most likely answers",
        "other": "Other candidates",
        "why": "Why?",
        "meant": "Taken to mean",
        "unresolved": "What this refers to could not be found in the questions before; it was "
        "asked as it stands.",
        "earlier": "Earlier questions about this picture",
        "attention": "Where the model looked",
        "step": "Reasoning step",
        "step_of": "Step {step} of {steps}",
        "overlay_alt": "The picture with the places of step {step} highlighted",
        "words": "Words of the question that mattered in this step",
        "repaired": "Read as",
        "unknown": "Words the model does not know",
        "familiar": "Picture and question are like those the model was trained on.",
        "rather_unfamiliar": "Picture or question are a little unlike those the model knows.",
        "unfamiliar": "Picture or question are unlike anything the model was trained on.",
        "footnote": "Answered by {checkpoint} in {ms} ms on {device}",
        "no_image": "There is no picture yet; upload, paste or take one, or click an example.",
        "unexpected": "Something went wrong on our side; your picture and question are kept, "
        "please try again.",
        "model": "Model",
        "automatic": "automatic",
        "summary": "It answers about simulated scenes of simple objects: color, shape, size, "
        "material, number, and what is left of, right of, in front of or behind what. "
        "For other pictures it will often say that it is not sure.",
    },
    "zh": {
        "title": "看图问答",
        "subtitle": "给它一张图片，用中文或英文提问，看它在看哪里。",
        "picture": "图片",
        "drop": "把图片拖到这里、粘贴，或点击选择",
        "question": "问题",
        "question_hint": "例如：这是什么？它是什么颜色？有几个？",
        "ask": "提问",
        "ask_tab": "提问",
        "examples": "或者试试这些例子",
        "idle": "答案会显示在这里。",
        "very_sure": "非常确定",
        "fairly_sure": "比较确定",
        "not_sure": "不确定",
        "not_sure_lead": "我不确定。最可能的答案：",
        "top": "最可能的几个答案",
        "other": "其他候选",
        "why": "为什么？",
        "meant": "“它”指的是",
        "unresolved": "没能从之前的问题里找到它指的是什么，按原话提问。",
        "earlier": "关于这张图片之前的问题",
        "attention": "模型看了哪里",
        "step": "推理步骤",
        "step_of": "第 {step} 步，共 {steps} 步",
        "overlay_alt": "突出显示第 {step} 步关注位置的图片",
        "words": "这一步里起作用的词",
        "repaired": "按这个词理解",
        "unknown": "模型不认识的词",
        "familiar": "图片和问题与模型训练时见过的相似。",
        "rather_unfamiliar": "图片或问题与模型熟悉的有些不同。",
        "unfamiliar": "图片或问题与模型训练时见过的完全不同。",
        "footnote": "由 {checkpoint} 回答，用时 {ms} 毫秒，设备 {device}",
        "no_image": "还没有图片，请上传、粘贴或拍一张，也可以点一个例子。",
        "unexpected": "我们这边出了点问题，您的图片和问题都还在，请再试一次。",
        "model": "模型",
        "automatic": "自动选择",
        "summary": "它能回答关于简单物体的模拟场景的问题：颜色、形状、大小、材质、数量，"
        "以及物体之间的左右前后关系。对其他图片，它常常会说不确定。",
    },
}


def say(language: str, key: str, **values: object) -> str:
    """The text `key` in `language` ("en" or "zh") with `values` filled in."""
    return TEXTS[language][key].format(**values)


def confidence_key(answer: Answer) -> str:
    """Which text says how sure the model is: "very_sure", "fairly_sure" or "not_sure"."""
    if not answer.sure:
        return "not_sure"
    return "very_sure" if answer.confidence >= VERY_SURE else "fairly_sure"


def familiarity_key(answer: Answer) -> str:
    """Which text says how well picture and question fit what the model was trained on."""
    if not answer.familiar:
        return "unfamiliar"
    return "familiar" if answer.familiarity >= 0.5 else "rather_unfamiliar"


def preferred_language(accept_language: str | None) -> str:
    """ "zh" when a browser's Accept-Language header puts Chinese first, else "en"."""
    return "zh" if (accept_language or "").strip().lower().startswith("zh") else "en"
