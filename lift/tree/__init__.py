"""A kernel tree and its sources: folders, archives, git; read as text, without clang."""
