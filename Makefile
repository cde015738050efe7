.PHONY: check format lint types test readme

check: lint types test

format:
	ruff format .
	ruff check --fix .

lint:
	ruff format --check .
	ruff check .

types:
	mypy

test:
	pytest

readme:
	python docs/picture.py
