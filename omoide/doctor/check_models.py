"""Checks of the embedder and the models, each with one small request."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from omoide.core import clock
from omoide.core.errors import OmoideError
from omoide.core.formatting import pluralize
from omoide.core.settings import Settings, SettingsError
from omoide.doctor.check_result import CheckResult, Figures
from omoide.inference.cross_encoder import make_cross_encoder
from omoide.inference.embedder_factory import BGE_SMALL
from omoide.inference.embedders import Embedder
from omoide.inference.model_config import TASKS, ModelConfig, model_configs
from omoide.inference.onnx_model import unavailable_reason
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.factory import EXTRACTIVE, embedded_reasoner
from omoide.services.container import embedder_of
from omoide.storage import Transaction, embeddings
from omoide.storage.embeddings import EmbeddingProgress, Source
from omoide.storage.sqlite import inspection

SAMPLE = "Hello."
"""The text to embed."""

Missing = Mapping[Source, inspection.MissingEmbeddings]


def missing_vectors(db: Transaction) -> tuple[EmbeddingProgress | None, Missing]:
    """The embedder of the stored vectors, and the numbers of texts without a vector."""
    progress = inspection.embedder(db)
    if progress is None:
        return None, {}
    return progress, {source: inspection.missing_embeddings(db, source, progress) for source in embeddings.SOURCES}


async def check_embedder(
    settings: Settings, kept: EmbeddingProgress | None, missing: Missing, seconds: float
) -> CheckResult:
    """Check that the embedder answers within `seconds` and matches the stored vectors (None if unknown)."""
    try:
        embedder = embedder_of(settings, TokenCounter())
    except SettingsError as error:
        return CheckResult("embedder", "wrong", str(error))
    figures: Figures = {
        "name": embedder.name,
        "dimensions": embedder.dimensions,
        "kept_name": kept.name if kept else None,
        "kept_dimensions": kept.dimensions if kept else None,
        **{f"{source}_without": counted.missing for source, counted in missing.items()},
        **{f"{source}_refused": counted.refused for source, counted in missing.items()},
    }
    if fault := await _embedding_fault(embedder, seconds):
        return CheckResult("embedder", "wrong", fault, figures)
    shown = f"{embedder.name}, {embedder.dimensions} dimensions"
    unavailable = unavailable_reason() if settings.embedder == BGE_SMALL else None
    if unavailable:
        shown = f"{shown}, in place of {BGE_SMALL}, which cannot run here: {unavailable.rstrip('.')}"
    if kept and (kept.name, kept.dimensions) != (embedder.name, embedder.dimensions):
        text = (
            f"{shown}, but the stored vectors are from {kept.name} with {kept.dimensions} dimensions: a server started "
            "with these settings removes them and embeds all texts again."
        )
        return CheckResult("embedder", "wrong", text, figures)
    without = [_without(source, each) for source, each in missing.items() if each.missing]
    refused = [pluralize(each.refused, source[:-1]) for source, each in missing.items() if each.refused]
    if without or refused:
        text = f"{shown}."
        if without:
            text += f" Without a vector yet: {' and '.join(without)}."
        if refused:
            text += f" Refused by the embedder, found by full-text search only: {' and '.join(refused)}."
            text += " `omoide queue retry --all` retries them."
        return CheckResult("embedder", "notice", text, figures)
    text = f"{shown}. Every text has a vector." if missing else f"{shown}."
    return CheckResult("embedder", "notice" if unavailable else "good", text, figures)


def check_cross_encoder(settings: Settings) -> CheckResult:
    """Check that the cross-encoder loads and scores a pair."""
    name = "cross-encoder"
    if not settings.cross_encoder:
        return CheckResult(name, "off", "Off: texts are ranked by words and vectors only (OMOIDE_CROSS_ENCODER).")
    cross_encoder = make_cross_encoder(settings)
    if cross_encoder is None:
        text = f"Texts are ranked by words and vectors only. {unavailable_reason()}"
        return CheckResult(name, "notice", text)
    begun = clock.now()
    try:
        cross_encoder.score(SAMPLE, [SAMPLE])
    except OmoideError as error:
        return CheckResult(name, "wrong", error.detail)
    seconds = (clock.now() - begun) / clock.SECOND
    return CheckResult(name, "good", f"{cross_encoder.name}, loaded in {seconds:.1f} s.", {"name": cross_encoder.name})


def _without(source: Source, counted: inspection.MissingEmbeddings) -> str:
    return f"{pluralize(counted.missing, source[:-1])} of {counted.of:,}"


async def _embedding_fault(embedder: Embedder, seconds: float) -> str | None:
    try:
        async with asyncio.timeout(seconds):
            vectors = await embedder.embed([SAMPLE])
    except TimeoutError:
        return f"{embedder.name} did not answer within {seconds:g} s."
    except OmoideError as error:
        return error.detail
    finally:
        await embedder.aclose()
    length = vectors.shape[1]
    return None if length == embedder.dimensions else f"{embedder.name} returned vectors of {length} dimensions."


async def check_reasoner(settings: Settings, seconds: float) -> list[CheckResult]:
    """Check that the embedded reasoner loads, or that every configured model answers within `seconds`."""
    if not settings.model:
        return [await _check_embedded(settings)]
    try:
        choices = model_configs(settings)
    except SettingsError as error:
        return [CheckResult("reasoner", "wrong", str(error))]
    tasks: dict[ModelConfig, list[str]] = {}
    for task in TASKS:
        tasks.setdefault(choices.by_task[task], []).append(task)
    for level, choice in choices.by_level.items():
        tasks.setdefault(choice, []).append(f"answer at {level}")
    if choices.fallback is not None:
        tasks.setdefault(choices.fallback, []).append("fallback")
    return list(await asyncio.gather(*(_check_model(choice, used, seconds) for choice, used in tasks.items())))


async def _check_embedded(settings: Settings) -> CheckResult:
    tokens = TokenCounter()
    begun = clock.now()
    try:
        embedder = embedder_of(settings, tokens)
        await embedded_reasoner(settings, embedder, tokens).prepare()
    except SettingsError as error:  # of the embedder, which the reasoner uses to compare texts
        return CheckResult("reasoner", "wrong", f"The embedded reasoner needs an embedder. {error}")
    except (ImportError, OSError) as error:
        return CheckResult("reasoner", "wrong", f"The embedded reasoner cannot be loaded: {error}")
    seconds = (clock.now() - begun) / clock.SECOND
    text = f"{EXTRACTIVE}, loaded in {seconds:.1f} s; no model is needed."
    return CheckResult("reasoner", "good", text, {"name": EXTRACTIVE})


async def _check_model(choice: ModelConfig, tasks: Sequence[str], seconds: float) -> CheckResult:
    # Imported here: pydantic-ai and the provider's package take seconds to import, and are optional.
    from omoide.inference.probe import probe

    figures: Figures = {"name": choice.name, "used_for": ", ".join(tasks), "endpoint": choice.endpoint.base_url or None}
    begun = clock.now()
    try:
        await probe(choice, seconds)
    except OmoideError as error:
        return CheckResult("reasoner", "wrong", f"{error.detail} Used for: {', '.join(tasks)}.", figures)
    took = (clock.now() - begun) / clock.SECOND
    text = f"{choice.name} answered in {took:.1f} s; used for: {', '.join(tasks)}."
    return CheckResult("reasoner", "good", text, {**figures, "seconds": round(took, 3)})
