"""All refactors of the corpus, by what they do."""

from tests.refactors.code import CODE
from tests.refactors.names import NAMES
from tests.refactors.places import PLACES
from tests.refactors.signatures import SIGNATURES

CORPUS = {**NAMES, **SIGNATURES, **CODE, **PLACES}
