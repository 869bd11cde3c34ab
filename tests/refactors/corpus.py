"""All refactors of the corpus, by what they do."""

from tests.refactors.code import CODE
from tests.refactors.names import NAMES
from tests.refactors.places import PLACES
from tests.refactors.reshaped import RESHAPED
from tests.refactors.signatures import SIGNATURES
from tests.refactors.vendors import VENDORS

CORPUS = {**NAMES, **SIGNATURES, **CODE, **PLACES, **VENDORS, **RESHAPED}
