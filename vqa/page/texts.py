"""What the page says, in English and Chinese."""

from __future__ import annotations

from vqa.page.texts_more import MORE
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
        "question_hint": "What is it? How many? And what color?",
        "ask": "Ask",
        "ask_tab": "Ask",
        "examples": "Or try one of these",
        "idle": "The answer will appear here.",
        "very_sure": "very sure",
        "fairly_sure": "fairly sure",
        "not_sure": "not sure",
        "doubt_strange": "I am not sure, because picture or question are unlike what I know. "
        "My best guess:",
        "doubt_kind": "I am not sure: with this probability, answers of this kind are wrong too "
        "often. My best guess:",
        "guess": "As you type · not asked yet",
        "live": "Answer as I type",
        "hover": "Point at an answer, or move to it by keyboard, to see what speaks for it.",
        "spoken": "What it speaks of",
        "place": "Ask what is here: place {number} of {places}",
        "place_hint": "Click a place in the picture to ask what is there.",
        "evidence_title": "What speaks for “{answer}”",
        "evidence_alt": "The picture with the places that speak for “{answer}” highlighted",
        "evidence_taken_away": "The percentage is the share of this answer's probability that is "
        "lost when the place is hidden from the model (occlusion, Zeiler & Fergus 2014).",
        "evidence_spoken_of": "The percentage is how much the model attended to the place while "
        "it put this answer into words.",
        "evidence_none": "No single place: hiding any one of them does not make this answer less "
        "probable.",
        "compare": "Compare two questions",
        "compare_first": "First question",
        "compare_second": "Second question",
        "compare_go": "Compare",
        "language": "Language",
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
        "doubt_strange": "我不确定，因为图片或问题与我熟悉的不同。最可能的答案：",
        "doubt_kind": "我不确定：在这样的概率下，这类答案错得太多。最可能的答案：",
        "guess": "边输入边回答 · 尚未提问",
        "live": "边输入边回答",
        "hover": "指向一个答案，或用键盘移到它上面，就能看到支持它的地方。",
        "spoken": "它说到的地方",
        "place": "问这里是什么：第 {number} 处，共 {places} 处",
        "place_hint": "点击图片中的一个位置，就能问那里是什么。",
        "evidence_title": "支持“{answer}”的地方",
        "evidence_alt": "突出显示支持“{answer}”的位置的图片",
        "evidence_taken_away": "百分数是：把这个地方遮住不给模型看时，该答案的概率失去的份额"
        "（遮挡法，Zeiler & Fergus 2014）。",
        "evidence_spoken_of": "百分数是：模型写出这个答案时对该处的注意程度。",
        "evidence_none": "没有单独哪一处：遮住任何一处，这个答案的概率都不会降低。",
        "compare": "比较两个问题",
        "compare_first": "第一个问题",
        "compare_second": "第二个问题",
        "compare_go": "比较",
        "language": "语言",
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

for _language, _texts in MORE.items():
    TEXTS[_language].update(_texts)


def say(language: str, key: str, **values: object) -> str:
    """The text `key` in `language` ("en" or "zh") with `values` filled in."""
    return TEXTS[language][key].format(**values)


def confidence_key(answer: Answer) -> str:
    """Which text says how sure the model is: "very_sure", "fairly_sure" or "not_sure"."""
    if not answer.sure:
        return "not_sure"
    return "very_sure" if answer.confidence >= VERY_SURE else "fairly_sure"


def doubt_key(answer: Answer) -> str:
    """Which text says why an answer is not sure."""
    return "doubt_kind" if answer.familiar else "doubt_strange"


def familiarity_key(answer: Answer) -> str:
    """Which text says how well picture and question fit what the model was trained on."""
    if not answer.familiar:
        return "unfamiliar"
    return "familiar" if answer.familiarity >= 0.5 else "rather_unfamiliar"
