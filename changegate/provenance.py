"""What a builder says that it built, and from what: an in-toto statement with an SLSA provenance, signed. Bytes and rules in, facts out.

Sources: slsa.dev/spec/v1.0/provenance and v0.2; in-toto's Statement (v0.1, v1); the DSSE envelope; Sigstore's bundle, by its library.
A defect is a fact: the control says what is wrong with it. Nothing here decides.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from cryptography.exceptions import InvalidSignature

from changegate import canonical
from changegate.controls.artifact_bound import source_of
from changegate.errors import FormatError, InputError, VerificationError
from changegate.facts import Deployment, Provenance
from changegate.pipeline_rules import ArtifactBound
from changegate.signing import PublicKey, dsse, keys

MAX_BYTES: Final = 4 * 1024 * 1024
MAX_COUNT: Final = 100
"""More than anybody deploys at once."""
_TYPES: Final = frozenset({"https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"})
_V1: Final = "https://slsa.dev/provenance/v1"
_V0: Final = frozenset({"https://slsa.dev/provenance/v0.1", "https://slsa.dev/provenance/v0.2"})
_MAX_TEXT: Final = 500
_REMEDY: Final = "Give the attestation as the builder wrote it: a DSSE envelope or a Sigstore bundle, several as JSON lines."


def split(data: bytes, *, source: str) -> tuple[bytes, ...]:
    """The attestations of one file: one JSON document, or JSON lines with one in each. Raises `InputError` for a file that is too large or empty."""
    if len(data) > MAX_BYTES:
        raise InputError(f"{source}: larger than {MAX_BYTES // 1024 // 1024} MiB", remedy=_REMEDY)
    lines = [line for line in data.splitlines() if line.strip()]
    found = tuple(lines) if len(lines) > 1 and all(line.lstrip().startswith(b"{") and line.rstrip().endswith(b"}") for line in lines) else (data,)
    if not lines or len(found) > MAX_COUNT:
        raise InputError(f"{source}: {'no attestation' if not lines else f'more than {MAX_COUNT} attestations'} in it", remedy=_REMEDY)
    return found


def read_all(attestations: Iterable[bytes], deployment: Deployment, rules: ArtifactBound, *, root: str | None) -> tuple[Provenance, ...]:
    """What each attestation says of what is deployed, and what keeps it from being believed. `root` is Sigstore's, as in a trust file.

    Raises `InputError` where an identity signed one, and the extra that verifies that isn't installed.
    """
    return tuple(_read(each, deployment, rules, root) for each in attestations)


def _read(data: bytes, deployment: Deployment, rules: ArtifactBound, root: str | None) -> Provenance:
    digest = hashlib.sha256(data).hexdigest()
    try:
        signer, payload = _verify(data, rules, root)
        return _parse(payload, deployment, signer).model_copy(update={"sha256": digest})
    except (FormatError, VerificationError) as error:
        return Provenance(sha256=digest, defect=error.message[:_MAX_TEXT])


def _verify(data: bytes, rules: ArtifactBound, root: str | None) -> tuple[str, bytes]:
    envelope = dsse.parse_envelope(data)
    if not envelope.is_bundle:
        return _verify_by_key(envelope, {keys.key_id(key): key for key in map(keys.parse_public, rules.builder_keys)})
    from changegate.signing import keyless  # the library is an extra

    signed = keyless.verify(data, [(each.issuer, each.matches) for each in rules.builders], root=root, named_in="the policy")
    if signed.payload != envelope.payload:
        raise VerificationError("bundle: two readers read two payloads in it", remedy="Somebody made it so.")
    return signed.name, signed.payload


def _verify_by_key(envelope: dsse.Envelope, allowed: Mapping[str, PublicKey]) -> tuple[str, bytes]:
    """Each signature by each key: what an envelope says of its keys is a hint (DSSE, "Protocol")."""
    if envelope.payload_type != dsse.PAYLOAD_TYPE:
        raise VerificationError(f"envelope: payload type {envelope.payload_type[:80]!r}, not {dsse.PAYLOAD_TYPE!r}", remedy=_REMEDY)
    signed = dsse.pae(envelope.payload_type, envelope.payload)
    for signature in envelope.signatures:
        for key_id, key in allowed.items():
            try:
                keys.verify(key, signature.value, signed)
            except InvalidSignature:
                continue
            return f"key {key_id[:16]}", envelope.payload
    raise VerificationError("envelope: signed by no builder that the policy names", remedy=_REMEDY)


def _parse(payload: bytes, deployment: Deployment, signer: str) -> Provenance:
    value = canonical.loads(payload, what="provenance")
    match value:
        case {"_type": str(kind), "subject": list(subjects), "predicateType": str(predicate_type), "predicate": dict(predicate)} if kind in _TYPES:
            builder, materials = _said(predicate_type, predicate)
        case _:
            raise FormatError("provenance: no in-toto statement", remedy=_REMEDY)
    named = set(_digests(subjects))
    here = source_of(f"{deployment.server_url}/{deployment.repository}")
    closest = sorted(_sources(materials), key=lambda each: (each[1] != deployment.head, each[0] != here))
    source, commit = closest[0] if closest else ("", "")
    return Provenance(
        sha256="",
        subjects=tuple(each.sha256 for each in deployment.artifacts if each.sha256 in named),
        builder=builder[:_MAX_TEXT],
        signer=signer[:_MAX_TEXT],
        source=source[:_MAX_TEXT],
        commit=commit[:64],
    )


def _digests(subjects: Iterable[Any]) -> Iterator[str]:
    for each in subjects:
        match each:
            case {"digest": {"sha256": str(digest)}}:
                yield digest.lower()


def _said(predicate_type: str, predicate: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """The builder, and what it built from."""
    match predicate:
        case {"runDetails": {"builder": {"id": str(builder)}}, "buildDefinition": dict(definition)} if predicate_type == _V1:
            materials = definition.get("resolvedDependencies", [])
        case {"builder": {"id": str(builder)}} if predicate_type in _V0:
            materials = predicate.get("materials", [])
        case _:
            raise FormatError(f"provenance: {predicate_type[:80]!r} isn't one of SLSA's that is read here, or names no builder", remedy=_REMEDY)
    if not isinstance(materials, list):
        raise FormatError("provenance: what it was built from is no list", remedy=_REMEDY)
    return builder, materials


def _sources(materials: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Repositories with their commits. GitLab's runner writes a commit under `sha256`, though it is none."""
    for each in materials:
        match each:
            case {"uri": str(uri), "digest": {"gitCommit": str(commit)} | {"sha1": str(commit)} | {"sha256": str(commit)}}:
                yield source_of(uri), commit.lower()
