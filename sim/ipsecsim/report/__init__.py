"""What became of a run or a study, for people: plots and one HTML page.

run    ─▶ results.json, captures ─▶ figures (PNG) ─▶ report.html
study  ─▶ many runs' measures    ─▶ study.csv, figures ─▶ report.html
"""
