"""What Linux 7.2.13 does for the MMU before a guest runs."""

from __future__ import annotations

from mmuproof.model.entry_requests import (
    EntryRequest,
    EntryRequests,
    GuestSwitch,
    HostStateLoaded,
    RequestsServed,
    SwitchServed,
)
from mmuproof.model.evidence import Evidence
from mmuproof.model.reference.base.area import ReferenceArea
from mmuproof.smt.terms import FALSE, TRUE, BitVec, Bool, all_of, bit, negate, var


class ReferenceEntryRequests(ReferenceArea, EntryRequests):
    """``vcpu_enter_guest()``, and the changes between L1 and L2."""

    def served(self) -> RequestsServed:
        """See `EntryRequests.served`."""
        asked = var("requests", 64)
        return RequestsServed(
            function="vcpu_enter_guest",
            asked=asked,
            missed={each: all_of(bit(asked, each.value), negate(self._serves(each))) for each in EntryRequest},
            flushed_early=self._flushes_early(asked),
            rootless=negate(self._looks_for_root()),
            unasked=negate(self._asks_again()),
            unseen=negate(self._is_seen()),
            evidence=Evidence(),
        )

    def _serves(self, request: EntryRequest) -> Bool:
        """Whether what is asked is done."""
        return TRUE

    def _flushes_early(self, asked: BitVec) -> Bool:
        """Whether something is flushed before roots are synchronized or loaded."""
        return FALSE

    def _looks_for_root(self) -> Bool:
        """Whether the guest runs only if there is a root."""
        return TRUE

    def _asks_again(self) -> Bool:
        """Whether the guest runs only if nothing is left to do."""
        return TRUE

    def _is_seen(self) -> Bool:
        """Whether others see by then that the vCPU has to be interrupted."""
        return TRUE

    def host_state(self) -> HostStateLoaded:
        """See `EntryRequests.host_state`."""
        return HostStateLoaded(function="load_vmcs12_host_state", flushes=self._flushes_at_exit(), evidence=Evidence())

    def _flushes_at_exit(self) -> Bool:
        """Whether what L1 could use of L2's is flushed."""
        return TRUE

    def switched(self, switch: GuestSwitch) -> SwitchServed:
        """See `EntryRequests.switched`."""
        return SwitchServed(function=switch.value, unserved=negate(self._serves_before(switch)), evidence=Evidence())

    def _serves_before(self, switch: GuestSwitch) -> Bool:
        """Whether flushes are made before the guest is another."""
        return TRUE
