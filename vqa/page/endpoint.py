"""The page's endpoint for programs, `/ask`."""

from __future__ import annotations

import gradio as gr

from vqa.errors import VQAError
from vqa.page.inputs import PictureInput
from vqa.page.parts import Parts
from vqa.page.texts import say
from vqa.predictor import AUTO, Request


def add_endpoint(parts: Parts) -> None:
    """Adds (image, question, top_k, checkpoint) -> the fields of `Answer` as a JSON object."""

    # Its name and this text are what AI assistants see of it (MCP): a line for each argument.
    def ask_picture(image, question, top_k, checkpoint):
        """Answers a question, in English or Chinese, about what a picture shows.

        It knows photographs of products and groceries, and simulated scenes of simple objects.
        "sure" is false where the answer is a guess.

        Args:
            image: the picture, JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF
            question: one question, such as "What color is it?"; it stands alone
            top_k: how many answers "top" lists, 1 to 100
            checkpoint: "auto" for the model that knows most about the picture, or one by name

        Returns:
            "answer", its probability "confidence", "sure", the runners-up in "top", and more
        """
        try:
            if image is None:
                raise VQAError(say("en", "no_image"))
            top_k = _checked_top_k(top_k)
            asked = parts.open(image)
            (answer,) = parts.predictor.ask_batch(
                [Request(asked, question)], top_k=top_k, **parts.chosen(checkpoint)
            )
            return answer.to_dict()
        except VQAError as error:
            raise gr.Error(str(error), print_exception=False) from error

    # Hidden components rather than gr.api: those check uploaded paths.
    image = PictureInput(type="filepath", visible=False, label="image")
    question = gr.Textbox(visible=False, label="question")
    top_k = gr.Number(5, precision=0, visible=False, label="top_k")
    checkpoint = gr.Textbox(AUTO, visible=False, label="checkpoint")
    output = gr.JSON(visible=False, label="answer")
    gr.Button(visible=False).click(
        ask_picture,
        [image, question, top_k, checkpoint],
        output,
        api_name="ask",
        **parts.asking,
    )


def _checked_top_k(top_k: object) -> int:
    if isinstance(top_k, bool) or not isinstance(top_k, int | float) or not 1 <= top_k <= 100:
        raise VQAError(f"top_k is {top_k!r}; it must be a number from 1 to 100.")
    return int(top_k)
