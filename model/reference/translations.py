"""How Linux 7.2.13 translates an address by the guest's tables for itself."""

from __future__ import annotations

from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.model.translations import Translated, Translations
from mmuproof.model.walks import GpteFormat
from mmuproof.smt.terms import TRUE, BitVec, Bool, bool_var, bv, ite, ne, var

_ADDRESS, _ACCESS = var("address", 64), var("access", 64)


class ReferenceTranslations(ReferenceArea, Translations):
    """``FNAME(gva_to_gpa)()``."""

    def translated(self, gpte_format: GpteFormat) -> Translated:
        """See `Translations.translated`."""
        walk = f"{gpte_format.value}_walk_addr_generic"
        succeeds, gfn = ne(var(f"{walk}()", 32), 0), var(f"walker.gfn after {walk}()", 64)
        return Translated(
            caller=f"{gpte_format.value}_gva_to_gpa",
            address=_ADDRESS,
            access=_ACCESS,
            walked_address=_ADDRESS,
            walked_access=self._judged(_ACCESS),
            succeeds=succeeds,
            gfn=gfn,
            result=ite(succeeds, self._within(gfn), bv(-1, 64)),
            wants_exception=bool_var("an exception is wanted"),
            exception_told=self._tells(),
            evidence=Evidence(),
        )

    def _judged(self, access: BitVec) -> BitVec:
        """The access that the walk judges."""
        return access

    def _within(self, gfn: BitVec) -> BitVec:
        """The address in a frame."""
        return gfn << 12 | _ADDRESS & 0xFFF

    def _tells(self) -> Bool:
        """Whether a fault is handed on."""
        return TRUE
