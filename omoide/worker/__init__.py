"""The night shift: claims jobs and does them. It runs beside the API in one process, or in processes of its own."""
