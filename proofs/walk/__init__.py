"""Where KVM's own walks of guest tables end, and what they hand on to the shadow pages."""
