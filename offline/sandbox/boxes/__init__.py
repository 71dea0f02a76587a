"""The Storage Boxes: sshd on port 23 as a box has it, and a control service for the data centre and for tests."""
