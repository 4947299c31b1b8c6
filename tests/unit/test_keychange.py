"""Records about keys: as their schemas say, each with a key of its own."""

import pytest
from builders import hours
from jsonschema import Draft202012Validator

from changegate import canonical, keychange
from changegate.errors import FormatError
from changegate.evidence import idempotency
from changegate.evidence import statement as statements
from changegate.signing.dsse import EnvelopeSigner
from changegate.signing.keys import EcdsaPrivateKey, PrivateKey

KEY, BY = EcdsaPrivateKey.generate(), PrivateKey.generate()
ROTATION = keychange.rotation(KEY.public_key, replaces=(BY.key_id,), since=hours(1), log="o", decided=hours(2))
REVOCATION = keychange.revocation(KEY.public_key, since=hours(1), reason="lost", log="o", decided=hours(2))


def test_they_are_what_their_schemas_say() -> None:
    Draft202012Validator(keychange.rotation_schema()).validate(ROTATION["predicate"])
    Draft202012Validator(keychange.revocation_schema()).validate(REVOCATION["predicate"])


@pytest.mark.parametrize("made", [ROTATION, REVOCATION], ids=["rotation", "revocation"])
def test_the_card_repeats_what_was_signed(made: dict[str, object]) -> None:
    card = keychange.index_card(made, EnvelopeSigner(BY).sign_record(canonical.dumps(made)), by=BY.key_id)
    assert statements.differences(made, card) == ()
    assert (card.commit, card.repository, card.environment) == (KEY.key_id, "o", "keys")


def test_each_pair_of_keys_and_each_change_has_its_own_idempotency_key() -> None:
    made = {idempotency.of_key_change(each, by=by) for each in (ROTATION, REVOCATION) for by in (BY.key_id, "a" * 64)}
    assert len(made) == 4


@pytest.mark.parametrize("predicate", [None, {}, {"log": "o"}, {**REVOCATION["predicate"], "change": "lost"}, {**REVOCATION["predicate"], "key": {}}])
def test_what_is_no_record_about_a_key(predicate: object) -> None:
    card = keychange.index_card(REVOCATION, b"", by=BY.key_id)
    with pytest.raises(FormatError, match="no log, key, change and time"):
        statements.differences({**REVOCATION, "predicate": predicate}, card)
