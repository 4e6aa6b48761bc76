"""The night shift: claims jobs and does them. It runs in a process of its own, or beside the API in one."""
