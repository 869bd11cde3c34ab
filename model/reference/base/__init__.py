"""What all areas of the reference model are made with: numbers, roles, and notes of what is done."""
