"""The LTI 1.3 platform."""
