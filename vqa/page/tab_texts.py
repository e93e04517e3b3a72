"""What the further tabs of the page say, in English and Chinese."""

from __future__ import annotations

TAB_TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "many_tab": "Many questions",
        "many_intro": "Upload a table with the columns image and question (CSV, or JSON Lines) "
        "and the pictures it names, singly or as zip files; up to {rows:,} rows. You can leave "
        "with what is done at any time.",
        "many_table": "Questions (.csv or .jsonl)",
        "many_pictures": "Pictures (images or .zip)",
        "many_start": "Answer all",
        "many_cancel": "Cancel",
        "many_download": "Download the answers",
        "many_no_table": "There is no table yet; upload a .csv or .jsonl file with questions.",
        "many_no_pictures": "There are no pictures yet; upload those that the table names.",
        "many_too_many": "{name} has more than {rows:,} rows; split it, or use "
        "python -m vqa predict --batch.",
        "many_progress": "{done:,} of {total:,} answered",
        "many_done": "All {total:,} rows are done; {failed:,} could not be answered.",
        "many_stopped": "Stopped: {done:,} of {total:,} rows are done and kept.",
        "many_shown": "The last {shown:,} rows; all are in the download.",
        "many_caption": "Answers",
        "row": "Row",
        "image": "Picture",
        "answer": "Answer",
        "confidence": "Confidence",
        "sure": "Sure",
        "yes": "yes",
        "no": "no",
    },
    "zh": {
        "many_tab": "批量提问",
        "many_intro": "上传一个含有 image 和 question 两列的表格（CSV 或 JSON Lines），"
        "以及其中提到的图片（单张或 zip）；最多 {rows:,} 行。随时可以停下并保留已有的答案。",
        "many_table": "问题（.csv 或 .jsonl）",
        "many_pictures": "图片（图像或 .zip）",
        "many_start": "全部回答",
        "many_cancel": "停止",
        "many_download": "下载答案",
        "many_no_table": "还没有表格，请上传含有问题的 .csv 或 .jsonl 文件。",
        "many_no_pictures": "还没有图片，请上传表格里提到的图片。",
        "many_too_many": "{name} 超过 {rows:,} 行，请拆分，或使用 python -m vqa predict --batch。",
        "many_progress": "已回答 {done:,} / {total:,}",
        "many_done": "{total:,} 行全部完成，其中 {failed:,} 行无法回答。",
        "many_stopped": "已停止：{total:,} 行中完成了 {done:,} 行，已保留。",
        "many_shown": "这里是最后 {shown:,} 行，全部答案在下载文件里。",
        "many_caption": "答案",
        "row": "行",
        "image": "图片",
        "answer": "答案",
        "confidence": "置信度",
        "sure": "确定",
        "yes": "是",
        "no": "否",
    },
}
