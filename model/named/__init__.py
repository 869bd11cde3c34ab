"""What trees call things: structs and unions, their members, variables, macros and enumerators.

A table a struct, or a few that belong together, with the names and places that released kernels have; nothing else in
``model/lifted`` and ``model/cuts`` spells them.  Parameters are told by the names that they have there and are found
by their positions in a released kernel.  A function is named where it is called or not followed, or in ``functions.py``
if several places speak of it.
"""
