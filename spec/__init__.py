"""What the vendors' manuals say about paging and second-level paging, and nothing else.

Sources are the Intel SDM (volume 3, numbering of edition 092), the AMD APM (volume 2) and the vendors'
published errata.  No operating system's or hypervisor's code is a source.  Where a manual leaves something
open, the functions take a parameter for it, and `mmuproof.spec.open_choices` lists them.
"""
