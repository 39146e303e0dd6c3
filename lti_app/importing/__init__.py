"""Bring in a workbook or a folder of tables: all or nothing, every bad cell named."""
