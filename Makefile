.PHONY: check format lint types test fuzz readme

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

fuzz:
	pytest --hypothesis-profile=fuzz tests/test_fuzz_*.py

readme:
	python docs/picture.py
