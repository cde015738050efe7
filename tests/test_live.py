"""The live view of a training: it shows all validations, including those before resuming."""

from seqattn_cli.views.curves import sparkline
from seqattn_cli.views.live import LiveView

from seqattn.runs.metrics import ValidatedLine
from seqattn.runs.records import TrainedRecord
from seqattn.training.events import Finished, Updated, Validated, Validation
from seqattn.training.schedule import Progress, TrainingOptions

from terminal import rendered


def validated(update, bleu, improved=True):
    found = Validation(1.0, bleu, 50.0, 10.0, (("a", "b", "c"),))
    return Validated(Progress(update, tokens=9 * update, seconds=update), found, improved)


def test_a_resumed_training_shows_its_earlier_validations_in_the_sparkline():
    earlier = [ValidatedLine(4, 0, 36, 4.0, 1.0, 10.0, 0.0, 0.0, True, False)]
    earlier.append(ValidatedLine(8, 0, 72, 8.0, 1.0, 20.0, 0.0, 0.0, True, False))
    view = LiveView("run", TrainingOptions(), earlier)
    view.add(validated(12, 40.0))
    assert f"BLEU {sparkline([10.0, 20.0, 40.0])} " in rendered(view)
    view.add(Finished(Progress(13, tokens=117, seconds=13.0), "nothing improved"))
    assert "best validation: loss 1.000, BLEU 40.00" in rendered(view.summary())
    again = LiveView("run", TrainingOptions(), earlier, TrainedRecord(8, True, 1.0, 20.0, 0.0, 0.0))
    again.add(validated(12, 15.0, improved=False))
    again.add(Finished(Progress(13, tokens=117, seconds=13.0), "nothing improved"))
    assert "best average of the best weights: loss 1.000, BLEU 20.00" in rendered(again.summary())
    fresh = LiveView("run", TrainingOptions())
    fresh.add(validated(12, 40.0))
    assert f"BLEU {sparkline([40.0])} " in rendered(fresh)


def test_the_view_shows_progress_loss_and_a_sample_and_its_summary_the_best():
    view = LiveView("run", TrainingOptions(max_updates=20))
    assert "starting" in rendered(view)
    view.add(Updated(Progress(1, tokens=9, seconds=1.0), 2.5, 1e-3, 9, 1.0))
    assert "update 1" in rendered(view) and "loss 2.500" in rendered(view)
    view.add(validated(10, 30.0))
    view.add(validated(20, 20.0, improved=False))
    assert "reference" in rendered(view)
    view.add(Finished(Progress(20, tokens=180, seconds=20.0), "20 updates made"))
    summary = rendered(view.summary())
    assert "20 updates in 0:20 (20 updates made)" in summary and "BLEU 30.00" in summary
