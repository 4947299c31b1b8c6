"""The token and the repository. Pure."""

from collections.abc import Iterator

from changegate.doctor.check import Check, State, good
from changegate.facts import Unavailable
from changegate.settings import RepositoryState, Token

_AREA = "access"


def judge_token(token: Token, *, must_push: bool) -> Iterator[Check]:
    """`must_push`: whether the evidence lies in this repository."""
    why = "a token that does all that its owner may do gives all of it to whoever reads it from a log or a machine"
    if token.personal:
        remedy = "In a workflow leave `token` away: the job's own token suffices. Elsewhere make a fine-grained token for this repository alone."
        yield Check("token-kind", _AREA, State.WEAK, token.kind, why, remedy, "https://github.com/settings/personal-access-tokens")
    else:
        yield good("token-kind", _AREA, token.kind, why)
    for permission in token.permissions:
        name, facts = permission.need
        id_ = f"token-{name.partition(':')[0]}"
        purpose = f"the gate reads {facts} by it; without it every deploy stops"
        if isinstance(permission.granted, Unavailable):
            yield Check(id_, _AREA, State.UNKNOWN, f"{name}: {permission.granted.why}", purpose, permission.granted.remedy)
        elif permission.granted:
            yield good(id_, _AREA, name, purpose)
        else:
            yield Check(id_, _AREA, State.BAD, f"{name} is not granted", purpose, f"Give the token '{name}'.")
    if must_push:
        yield _push(token)


def _push(token: Token) -> Check:
    why = "the evidence is pushed to a branch of this repository; where that fails, nothing is deployed"
    match token.may_push:
        case Unavailable():
            gap = token.may_push
            return Check("token-push", _AREA, State.UNKNOWN, gap.why, why, gap.remedy, important=False)
        case True:
            return good("token-push", _AREA, "may push to the repository", why)
        case _:
            remedy = "Give the job `contents: write`, or name a store elsewhere with `store:`."
            return Check("token-push", _AREA, State.WEAK, "this token may not push to the repository", why, remedy)


def judge_repository(state: RepositoryState) -> Iterator[Check]:
    """Archived, renamed, visibility."""
    general = f"{state.url}/settings"
    why = "an archived repository takes no evidence and no deployment"
    if state.archived:
        remedy = "Settings → General → Danger Zone → Unarchive this repository; or gate the repository that took its place."
        yield Check("repository-archived", _AREA, State.BAD, f"{state.name} is archived", why, remedy, general)
    else:
        yield good("repository-archived", _AREA, f"{state.name} is not archived", why)
    why = "records carry the name; an old name is led on only until somebody else takes it"
    if state.given.casefold() != state.name.casefold():
        remedy = f"Write {state.name} instead of {state.given}: in --repository, the store's address and `uses:`."
        yield Check("repository-name", _AREA, State.WEAK, f"{state.given} was renamed to {state.name}", why, remedy, state.url)
    else:
        yield good("repository-name", _AREA, f"{state.name} is its present name", why)
    why = "the evidence names people and shows what a change needed; a branch of a public repository shows it to everybody"
    if state.public:
        remedy = "If the evidence must not be public, keep it in a private repository: store: git:https://github.com/OWNER/EVIDENCE."
        yield Check("repository-visibility", _AREA, State.WEAK, "public", why, remedy, general)
    else:
        yield good("repository-visibility", _AREA, "not public", why)
