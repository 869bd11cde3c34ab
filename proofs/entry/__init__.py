"""Guest entries and SPTEs: present, reserved."""
