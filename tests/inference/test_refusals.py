"""What a provider's words refuse: the limit of output, the length of the text, or tools."""

from __future__ import annotations

import pytest
from pydantic_ai.exceptions import ModelHTTPError

from omoide.inference.refusals import is_about_length, is_about_tools, other_name, output_limit, room_share

ASKED = 8_192


def refusal(words: str, status: int = 400) -> ModelHTTPError:
    return ModelHTTPError(status, "toy-4096-0613", {"message": words, "type": "invalid_request_error", "code": None})


OUTPUT_LIMITS = [
    ("max_tokens is too large: 8192. This model supports at most 4096 completion tokens, whereas you provided 8192.",
     4096),
    ("max_tokens: 8192 > 4096, which is the maximum allowed number of output tokens for claude-3-opus-20240229", 4096),
    ("Invalid max_tokens value, the valid range of max_tokens is [1, 4096]", 4096),
    ("`max_tokens` must be less than or equal to `4096`, the maximum value for `max_tokens`", 4096),
    ("Input validation error: `max_new_tokens` must be <= 512. Given: 8192", 512),
    ("Unable to submit request because it has a maxOutputTokens value of 8192 but the supported range is from 1 "
     "(inclusive) to 2049 (exclusive). Update the value and try again.", 2048),
    ("The maximum tokens you requested exceeds the model limit of 4096. Try again with a maximum tokens value that is "
     "lower than 4096.", 4095),
    ("<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, 2000]", 2000),
    ("Requested 8192 output tokens, but the model allows only 1,024.", 1024),
    ("too many tokens requested: max_tokens may not exceed 2048", 2048),
    ("max_completion_tokens must be at most 3000 for gpt-4-0613", 3000),
    ("max_tokens参数超出范围: 最大值 4095", 4095),
    ("Error code: 400 - the maximum number of output tokens is 1500", 1500),
    ("`max_tokens` must be less than or equal to `8000`, the maximum value for `max_tokens` is less than the "
     "`context_window` for this model", 7999),
    ("max_tokens参数非法：取值范围[1,4095]", 4095),
    ("This model can generate at most 4096 tokens", 4096),
    ("Validation: completion length 8192 is out of range, max is 4096", 4096),
    ("'max_tokens' above 4096 requires streaming", 4096),
    ("The requested number of output tokens 8192 exceeds the limit of 4,096 tokens", 4096),
    ("max_tokens is too large", ASKED // 2),
    ("The value of max_tokens exceeds the limit", ASKED // 2),
]  # fmt: skip


@pytest.mark.parametrize(("words", "limit"), OUTPUT_LIMITS)
def test_a_limit_of_output_is_read_from_a_refusal(words: str, limit: int) -> None:
    for status in (400, 422, 500):
        found = output_limit(refusal(words, status), ASKED)
        assert found is not None
        assert (found.tokens, found.is_lasting) == (limit, True)


def test_a_limit_by_credit_is_not_lasting() -> None:
    words = "This request requires more credits, or fewer max_tokens. You requested up to 8192 tokens, but can only "
    found = output_limit(refusal(f"{words}afford 1203. To increase, visit settings and add more credits", 402), ASKED)
    assert found is not None
    assert (found.tokens, found.is_lasting) == (1203, False)
    assert output_limit(refusal("Insufficient credits. Add more using the settings", 402), ASKED) is None


WINDOWS = [
    ("This model's maximum context length is 4096 tokens. However, you requested 9000 tokens (808 in the messages, "
     "8192 in the completion). Please reduce the length of the messages or completion.", 4096, 3272),
    ("'max_tokens' or 'max_completion_tokens' is too large: 8192. This model's maximum context length is 4096 tokens "
     "and your request has 808 input tokens (8192 > 4096 - 808).", 4096, 3272),
    ("`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 808 `inputs` tokens and 8192 `max_new_tokens`", 4096,
     3272),
    ("This model's maximum context length is 8,192 tokens. However, you requested 9,000 tokens.", 8192, 7368),
    ("The model has a context window of 4096 tokens; max_tokens of 8192 does not fit", 4096, 2048),
]  # fmt: skip


@pytest.mark.parametrize(("words", "window", "room"), WINDOWS)
def test_output_is_limited_to_what_a_window_leaves(words: str, window: int, room: int) -> None:
    found = output_limit(refusal(words), ASKED)
    assert found is not None
    assert (found.tokens, found.window, found.is_lasting) == (room, window, False)


LENGTHS = [
    ("This model's maximum context length is 4096 tokens. However, your messages resulted in 5000 tokens.",
     4096 / 5000),
    ("the request exceeds the available context size. try increasing the context size or enable context shift", None),
    ("request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it", 4096 / 5000),
    ("Prompt contains 5000 tokens and 0 draft tokens, too large for model with 4096 maximum context length",
     4096 / 5000),
    ("prompt is too long: 5000 tokens > 4096 maximum", 4096 / 5000),
    ("Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context "
     "length of only 4096 tokens, which is not enough.", None),
    ("The number of tokens to keep from the initial prompt is greater than the context length.", None),
    ("too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5000.", None),
    ("Input validation error: `inputs` must have less than 4096 tokens. Given: 5000", None),
    ("The input token count (5000) exceeds the maximum number of tokens allowed (4096).", 4096 / 5000),
    ("Request too large for toy on tokens per minute (TPM): Limit 6000, Requested 7000, please reduce your message "
     "size", None),
    ("Input is too long for requested model.", None),
    ("Input length 5000 exceeds maximum allowed token size 4096", None),
    ("total message token length exceed model limit", None),
    ("prompt tokens limit exceeded: 5000 > 4096", None),
    ("InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]", None),
    ("This model is limited to 4096 tokens; your prompt has 5000", None),
    ("Request body too large for toy model. Max size: 8000 tokens.", None),
    ("string too long. Expected a string with maximum length 1048576, but got a string with length 1500000.", None),
    ("Conversation too long; start a new one", None),
    ("输入长度超过限制", None),
    ("Please reduce the length of the messages or completion.", None),
    ("This model's maximum context length is 4096 tokens. However, you requested 12100 tokens (4000 in the messages, "
     "8100 in the completion).", None),
]  # fmt: skip


@pytest.mark.parametrize(("words", "share"), LENGTHS)
def test_a_text_that_is_too_long_is_recognized(words: str, share: float | None) -> None:
    assert is_about_length(refusal(words))
    assert not is_about_tools(refusal(words))
    assert output_limit(refusal(words), ASKED) is None
    if share is not None:
        assert room_share(refusal(words)) == pytest.approx(share)


TOOLS = [
    "registry.ollama.ai/library/gemma3:4b does not support tools",
    '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
    "tools param requires --jinja flag",
    "Unrecognized request argument supplied: tools",
    "This model doesn't support function calling",
    "Function calls are not supported with this model.",
    "`tool_choice` is not supported by this endpoint",
    "Extra inputs are not permitted: body.tools",
    "tool use is not available for this deployment",
    "parallel_tool_calls is not supported",
    'json: unknown field "tools"',
    "This model only supports single tool-calls at once!",
    "此模型不支持工具调用",
]


@pytest.mark.parametrize("words", TOOLS)
def test_a_refusal_of_tools_is_recognized(words: str) -> None:
    for status in (400, 404, 422, 500, 501):
        assert is_about_tools(refusal(words, status))
    assert is_about_tools(refusal("No endpoints found that support tool use.", 404))
    assert not is_about_length(refusal(words))
    assert output_limit(refusal(words), ASKED) is None


@pytest.mark.parametrize(
    ("words", "status"),
    [
        ("Your request was rejected by our safety system", 400),
        ("messages: at least one message is required", 400),
        ("Incorrect API key provided: tools-4096", 401),
        ("overloaded", 503),
        ("temperature must be between 0 and 2", 400),
        ("Rate limit reached: limit 10 requests per minute", 429),
    ],
)
def test_other_refusals_are_about_none_of_these(words: str, status: int) -> None:
    error = refusal(words, status)
    assert not is_about_tools(error)
    assert not is_about_length(error)
    assert output_limit(error, ASKED) is None


def test_the_other_name_of_the_limit_is_read_from_a_refusal() -> None:
    words = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    assert other_name(refusal(words), "max_tokens") == "max_completion_tokens"
    words = "Unrecognized request argument supplied: max_completion_tokens"
    assert other_name(refusal(words), "max_completion_tokens") == "max_tokens"
    assert other_name(refusal(OUTPUT_LIMITS[0][0]), "max_tokens") is None
    assert other_name(refusal(WINDOWS[1][0]), "max_tokens") is None
